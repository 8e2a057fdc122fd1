import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Health } from '../health/health';
import type { Component } from '../lifecycle/lifecycle';
import { trackStreams } from './open-streams';
import type { OpenStreams } from './open-streams';
import { addReflection } from './reflection';

export interface GrpcService {
  /** `CouponAdminService` and friends of the generated contracts. */
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/** Pairs a generated definition with an implementation of exactly its methods. */
export function grpcService<
  Definition extends ServiceDefinition,
  Implementation extends Record<keyof Definition, unknown>,
>(definition: Definition, implementation: Implementation): GrpcService {
  return { definition, implementation: implementation as unknown as UntypedServiceImplementation };
}

export interface GrpcServerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly services: readonly GrpcService[];
  readonly health: Health;
  /** Serialized google.protobuf.FileDescriptorSet for server reflection. */
  readonly descriptors: Uint8Array;
  /** @default 4 MiB, as grpc-js has it */
  readonly maxMessageBytes?: number;
}

/** How often grpc.health.v1 learns what the health checks say. */
const HEALTH_REFRESH_MS = 1_000;

/** A gRPC server with health and reflection, as a lifecycle component. Plain text: TLS ends at the edge or in the mesh. */
export class GrpcServer implements Component {
  readonly name = 'grpc';
  port = 0;
  private readonly server: Server;
  private readonly healthService: HealthImplementation;
  private readonly serviceNames: readonly string[];
  private readonly builtInStreams: OpenStreams;
  private readonly intake = new AbortController();
  private refresh: NodeJS.Timeout | undefined;
  private shutdown: Promise<void> | undefined;

  constructor(private readonly options: GrpcServerOptions) {
    const { maxMessageBytes, services, descriptors } = options;
    this.server = new Server(
      maxMessageBytes === undefined ? {} : { 'grpc.max_receive_message_length': maxMessageBytes },
    );
    this.serviceNames = ['', ...services.map(({ definition }) => serviceName(definition))];
    this.healthService = new HealthImplementation(
      Object.fromEntries(this.serviceNames.map((name) => [name, 'NOT_SERVING' as const])),
    );
    for (const { definition, implementation } of services) {
      this.server.addService(definition, implementation);
    }
    this.builtInStreams = trackStreams(this.server);
    this.healthService.addToServer(this.builtInStreams.registrar);
    addReflection(
      this.builtInStreams.registrar,
      descriptors,
      this.serviceNames.filter((name) => name !== ''),
    );
  }

  /** Aborts when no new calls are taken: a handler of an endless stream ends its stream then. */
  get draining(): AbortSignal {
    return this.intake.signal;
  }

  async start(): Promise<void> {
    const { host, port } = this.options;
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    this.refresh = setInterval(() => void this.refreshHealth(), HEALTH_REFRESH_MS);
    this.refresh.unref();
  }

  /** Reads the health checks now instead of within a second. */
  async refreshHealth(): Promise<void> {
    const { status } = await this.options.health.ready();
    if (!this.intake.signal.aborted) this.announce(status === 200 ? 'SERVING' : 'NOT_SERVING');
  }

  /** Refuses new calls. Streams of health and reflection are ended; those of the app end by `draining`. */
  stopIntake(): void {
    if (this.shutdown !== undefined) return;
    clearInterval(this.refresh);
    this.announce('NOT_SERVING');
    this.intake.abort();
    this.shutdown = new Promise((resolve) => {
      // Waits until the last answer has left. An error only says that the server never listened.
      this.server.tryShutdown(() => {
        resolve();
      });
    });
    this.builtInStreams.endAll();
  }

  async drain(signal?: AbortSignal): Promise<void> {
    this.stopIntake();
    const cut = (): void => {
      this.server.forceShutdown();
    };
    if (signal?.aborted === true) cut();
    signal?.addEventListener('abort', cut, { once: true });
    await this.shutdown;
    signal?.removeEventListener('abort', cut);
  }

  /** Cuts every call. Idempotent. */
  close(): void {
    this.stopIntake();
    this.server.forceShutdown();
  }

  private announce(status: 'SERVING' | 'NOT_SERVING'): void {
    for (const name of this.serviceNames) this.healthService.setStatus(name, status);
  }
}

export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  return new GrpcServer(options);
}

/** `/coupon.v1.Seckill/FlashSaleCoupon` -> `coupon.v1.Seckill` */
function serviceName(definition: ServiceDefinition): string {
  const [method] = Object.values(definition);
  return method?.path.split('/')[1] ?? '';
}
