import type { Component, GrpcService, Route } from '@coupon/service-kit';
import type { MountedBranch } from './branches/branch';

/** One of the services in here. A shop that has its own leaves the module out and lets the steps point to its own address. */
export interface ServiceModule {
  readonly branches: readonly MountedBranch[];
  readonly grpc: readonly GrpcService[];
  readonly routes: readonly Route[];
  /** Connections and the like: they start before the servers listen. */
  readonly components: readonly Component[];
  /** What starts work by itself: after the servers, in this order. */
  readonly drivers: readonly Component[];
}
