import type { LoadPlan } from '../load/load-plan';

/** A closed loop over gRPC: `inFlight` requests are always under way. */
export interface GrpcLoadPlan extends Pick<
  LoadPlan,
  'maxRequests' | 'maxSeconds' | 'warmUpSeconds' | 'firstUser' | 'watchedPids' | 'answersFile'
> {
  readonly port: number;
  readonly mode: 'unary' | 'stream';
  /** HTTP/2 connections; in mode stream, each has one stream. */
  readonly channels: number;
  readonly inFlight: number;
  /** Request n is of user `firstUser + n`. */
  readonly activityId: string;
}
