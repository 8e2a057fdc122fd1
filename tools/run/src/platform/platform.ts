import type { RunningServers, Supervisor } from '@coupon/servers';
import type { AppInstance } from './app-instance';
import type { PlatformAuth } from './auth';
import type { PlatformDatabase } from './database';
import type { PlatformSagas } from './sagas';
import type { Endpoints } from './endpoints';
import type { AppName } from './layout';

export interface PlatformParts {
  readonly servers: RunningServers;
  readonly database: PlatformDatabase;
  /** Undefined where saga-participant was not asked for. */
  readonly sagas: PlatformSagas | undefined;
  readonly auth: PlatformAuth;
  readonly supervisor: Supervisor;
  /** Folder of the log files. */
  readonly logs: string;
  readonly instances: readonly AppInstance[];
  /** How to take everything down, first step last. */
  readonly undo: readonly (() => Promise<void>)[];
}

/** Everything that is up. */
export class Platform {
  readonly servers: RunningServers;
  readonly database: PlatformDatabase;
  readonly sagas: PlatformSagas | undefined;
  readonly auth: PlatformAuth;
  readonly logs: string;
  readonly instances: readonly AppInstance[];
  readonly #supervisor: Supervisor;
  readonly #undo: readonly (() => Promise<void>)[];
  #stopped: Promise<void> | undefined;

  constructor(parts: PlatformParts) {
    this.servers = parts.servers;
    this.database = parts.database;
    this.sagas = parts.sagas;
    this.auth = parts.auth;
    this.logs = parts.logs;
    this.instances = parts.instances;
    this.#supervisor = parts.supervisor;
    this.#undo = parts.undo;
  }

  /** All instances of an app, in order. */
  all(app: AppName): AppInstance[] {
    return this.instances.filter((instance) => instance.plan.app === app);
  }

  /** The first instance of an app. */
  one(app: AppName): AppInstance {
    const [first] = this.all(app);
    if (!first) throw new Error(`${app} was not started`);
    return first;
  }

  /** Headers that make a request an operator's. */
  operatorHeaders(): Record<string, string> {
    return this.auth.mode === 'jwt' ? { authorization: `Bearer ${this.auth.operatorToken}` } : {};
  }

  /** The content of `.run/endpoints.json`. */
  endpoints(owners: Readonly<Record<string, number>>): Endpoints {
    const { redis, rabbitmq } = this.servers.endpoints;
    const gateways = this.all('seckill-gateway');
    const pids = this.instances.flatMap(({ name, pid }) => (pid === undefined ? [] : [[name, pid] as const]));
    const address = (app: AppName): { http: string; grpc: string } => {
      const instance = this.all(app)[0];
      return { http: instance?.httpUrl ?? '', grpc: instance?.grpcAddress ?? '' };
    };
    const [gateway, admin, saga] = [address('seckill-gateway'), address('coupon-admin'), address('saga-participant')];
    return {
      gateway_http: gateway.http,
      gateway_grpc: gateway.grpc,
      admin_http: admin.http,
      admin_grpc: admin.grpc,
      saga_http: saga.http,
      saga_grpc: saga.grpc,
      worker_http: address('seckill-worker').http,
      mysql_url: this.database.adminUrl,
      redis_url: redis.url,
      amqp_url: rabbitmq.url,
      ...(this.sagas
        ? {
            dtm_url: this.sagas.coordinator.url,
            dtm_grpc: this.sagas.coordinator.grpcAddress,
            shop_mysql_url: this.sagas.shop.adminUrl,
            payment_webhook_secret: this.sagas.webhookSecret,
          }
        : {}),
      pids: { ...Object.fromEntries(pids), ...owners },
      ...(gateways.length > 1
        ? { gateways: gateways.map(({ httpUrl, grpcAddress }) => ({ http: httpUrl, grpc: grpcAddress ?? '' })) }
        : {}),
      ...(this.auth.mode === 'jwt'
        ? { auth: { mode: 'jwt', hs256_secret: this.auth.hs256Secret, operator_token: this.auth.operatorToken } }
        : {}),
    };
  }

  /** Gateways first, so that nothing new comes in, then the other apps, then the servers. Safe to call twice. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Lets everything outlive this process. Returns the keepers: SIGTERM to each, in this order, ends it. */
  async detach(): Promise<Record<string, number>> {
    const apps = await this.#supervisor.detach();
    const coordinator = await this.sagas?.servers.detach();
    const servers = await this.servers.detach();
    return {
      apps_keeper: apps,
      ...(coordinator === undefined ? {} : { dtm_keeper: coordinator }),
      ...(servers === undefined ? {} : { servers_keeper: servers }),
    };
  }

  async #stop(): Promise<void> {
    const gateways = this.all('seckill-gateway');
    await Promise.all(gateways.map((instance) => instance.stop()));
    await Promise.all(this.instances.filter((one) => !gateways.includes(one)).map((instance) => instance.stop()));
    for (const step of [...this.#undo].reverse()) await step();
  }
}
