import type { CoordinatorAddresses } from './coordinator';
import type { AppName } from './layout';

/** One instance of an app: where it listens and what it is told. */
export interface AppPlan {
  /** `seckill-gateway`, then `seckill-gateway-2`; names its log file too. */
  readonly name: string;
  readonly app: AppName;
  readonly httpPort: number;
  /** The worker has no gRPC. */
  readonly grpcPort: number | undefined;
  readonly env: Readonly<Record<string, string>>;
}

export interface InstancePorts {
  readonly http: number;
  readonly grpc: number | undefined;
}

export interface PlanInput {
  /** Ports of each instance; the length of a list is the number of instances. */
  readonly instances: Readonly<Partial<Record<AppName, readonly InstancePorts[]>>>;
  readonly redisUrl: string;
  readonly amqpUrl: string;
  /** Per app, each with its own user; the gateway has none. */
  readonly mysqlUrls: Readonly<Partial<Record<AppName, string>>>;
  /** Of the user that may read the binlog; absent: nobody reads it, and there are no heartbeats for the caches. */
  readonly binlogMysqlUrl?: string | undefined;
  /** What saga-participant needs besides; absent where it is not started. */
  readonly sagas?: SagaPlan | undefined;
  readonly auth: { readonly mode: 'none' } | { readonly mode: 'jwt'; readonly hs256Secret: string };
  readonly logLevel: string;
  /** What every process needs: PATH, TMPDIR. */
  readonly base: Readonly<Record<string, string>>;
  /** Settings of one app on top of all this. */
  readonly extra?: Readonly<Partial<Record<AppName, Readonly<Record<string, string>>>>> | undefined;
}

export interface SagaPlan {
  readonly shopMysqlUrl: string;
  readonly coordinator: CoordinatorAddresses;
  /** Signs the payment provider's notifications. */
  readonly webhookSecret: string;
  /** What DTM shows when it calls a branch. */
  readonly branchSecret: string;
}

/** The ports of the reference, for when they are free. */
export const DEFAULT_PORTS: Readonly<Record<AppName, InstancePorts>> = {
  'seckill-gateway': { http: 8083, grpc: 9083 },
  'coupon-admin': { http: 8056, grpc: 9056 },
  'saga-participant': { http: 8057, grpc: 9057 },
  'seckill-worker': { http: 8058, grpc: undefined },
};

/** In the order in which they are started; they are stopped the other way round. */
const ORDER: readonly AppName[] = ['coupon-admin', 'seckill-worker', 'saga-participant', 'seckill-gateway'];

/** Pure: what to start, with the whole environment of each process. */
export function planApps(input: PlanInput): AppPlan[] {
  return ORDER.flatMap((app) =>
    (input.instances[app] ?? []).map((ports, index) => ({
      name: index === 0 ? app : `${app}-${index + 1}`,
      app,
      httpPort: ports.http,
      grpcPort: ports.grpc,
      env: environmentOf(app, ports, input),
    })),
  );
}

function environmentOf(app: AppName, ports: InstancePorts, input: PlanInput): Record<string, string> {
  const admin = input.instances['coupon-admin']?.[0]?.grpc;
  const mysqlUrl = input.mysqlUrls[app];
  return {
    ...input.base,
    NODE_ENV: 'development',
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: String(ports.http),
    ...(ports.grpc === undefined ? {} : { GRPC_PORT: String(ports.grpc) }),
    ...(mysqlUrl === undefined ? {} : { MYSQL_URL: mysqlUrl }),
    CLAIM_REDIS_URL: input.redisUrl,
    CACHE_REDIS_URL: input.redisUrl,
    AMQP_URL: input.amqpUrl,
    // Without heartbeats a cache only costs.
    ...(input.binlogMysqlUrl === undefined ? { CACHE: 'off' } : {}),
    ...(app === 'seckill-worker' && input.binlogMysqlUrl !== undefined
      ? { BINLOG_MYSQL_URL: input.binlogMysqlUrl, WORKER_ROLES: 'relay,consumer,reconciliation,binlog' }
      : {}),
    ...(app === 'seckill-gateway' && admin !== undefined ? { ADMIN_GRPC_ADDRESS: `127.0.0.1:${admin}` } : {}),
    AUTH_MODE: input.auth.mode,
    ...(input.auth.mode === 'jwt' ? { AUTH_HS256_SECRET: input.auth.hs256Secret } : {}),
    LOG_LEVEL: input.logLevel,
    ...(app === 'saga-participant' && input.sagas ? sagaEnvironment(input.sagas, ports) : {}),
    ...input.extra?.[app],
  };
}

function sagaEnvironment(sagas: SagaPlan, ports: InstancePorts): Record<string, string> {
  const { url, grpcAddress, branchHost, listenHost } = sagas.coordinator;
  return {
    SHOP_MYSQL_URL: sagas.shopMysqlUrl,
    HTTP_HOST: listenHost,
    DTM_URL: url,
    DTM_GRPC_ADDRESS: grpcAddress,
    BRANCH_TRANSPORT: 'grpc',
    BRANCH_ADDRESS: `${branchHost}:${ports.grpc}`,
    BRANCH_SECRET: sagas.branchSecret,
    PAYMENT_WEBHOOK_SECRET: sagas.webhookSecret,
  };
}
