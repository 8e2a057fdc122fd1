import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPool } from 'mysql2/promise';
import type { Pool, RowDataPacket } from 'mysql2/promise';
import { RedemptionDatabases, ShopClient } from '@coupon/demo';
import {
  AppInstance,
  REPOSITORY,
  RUN_FOLDER,
  buildApps,
  coordinatorAddresses,
  migrateShop,
  openLogFolder,
  prepareDatabase,
  prepareShop,
  withDatabase,
} from '@coupon/platform';
import type { PlatformDatabase, ShopDatabase } from '@coupon/platform';
import { PortAllocator, Supervisor } from '@coupon/servers';
import type { RunningServers, ServerHandle, ServerKind } from '@coupon/servers';
import { TcpProxy } from '@coupon/testing';

export type Transport = 'grpc' | 'http';

/** Starts servers that belong to whoever starts them. */
export type ServerStarter = <K extends ServerKind>(
  need: readonly K[],
  settings: {
    readonly arguments?: Readonly<Partial<Record<ServerKind, readonly string[]>>>;
    readonly environment?: Readonly<Partial<Record<ServerKind, Readonly<Record<string, string>>>>>;
  },
) => Promise<RunningServers<K>>;

export interface StageOptions {
  readonly startServers: ServerStarter;
  readonly signal: AbortSignal;
}

/** Time to pay, in milliseconds: short, because orders that nobody pays are waited for. */
export const PAYMENT_TIMEOUT_MS = 4_000;
const INSTANCES = 2;
const DTM_DATABASE = 'dtm';
const CONNECTIONS_EACH = 64;

/** One process of the service, and the proxy through which DTM reaches its branches. */
interface Participant {
  readonly instance: AppInstance;
  readonly proxy: TcpProxy;
  readonly client: ShopClient;
}

interface Foundation {
  readonly options: StageOptions;
  readonly servers: RunningServers<'mysql' | 'rabbitmq'>;
  readonly database: PlatformDatabase;
  readonly shop: ShopDatabase;
  readonly storeProxy: TcpProxy;
  readonly coordinator: RunningServers<'dtm'>;
  readonly dtmSettings: Readonly<Record<string, string>>;
  readonly supervisor: Supervisor;
  readonly logs: string;
  readonly undo: (() => Promise<unknown>)[];
}

/**
 * Two processes of saga-participant over one MySQL, one RabbitMQ and a DTM that stores its sagas in that MySQL, all of them of this stage alone:
 * everything on it may be killed. Proxies stand between DTM and its store and between DTM and every process.
 */
export class SagaStage {
  readonly databases: RedemptionDatabases;
  readonly pool: Pool;
  #participants: Participant[] = [];
  #helpers: RunningServers<'dtm'>[] = [];
  readonly #secrets = {
    BRANCH_SECRET: randomBytes(24).toString('base64url'),
    PAYMENT_WEBHOOK_SECRET: randomBytes(24).toString('base64url'),
  };
  readonly #ports = new PortAllocator();

  private constructor(private readonly base: Foundation) {
    this.databases = new RedemptionDatabases({ coupon: base.database.adminUrl, shop: base.shop.adminUrl });
    this.pool = createPool({
      uri: withDatabase(base.database.adminUrl, base.database.name),
      connectionLimit: 100,
      connectTimeout: 2_000,
      supportBigNumbers: true,
      bigNumberStrings: true,
      timezone: 'Z',
    });
  }

  static async open(options: StageOptions): Promise<SagaStage> {
    const undo: (() => Promise<unknown>)[] = [];
    try {
      return new SagaStage(await lay(options, undo));
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error;
    }
  }

  get mysql(): ServerHandle {
    return this.base.servers.servers.mysql;
  }

  get dtm(): ServerHandle {
    return this.base.coordinator.servers.dtm;
  }

  /** Between DTM and its store. */
  get store(): TcpProxy {
    return this.base.storeProxy;
  }

  get shopName(): string {
    return this.base.shop.name;
  }

  get couponName(): string {
    return this.base.database.name;
  }

  get dtmName(): string {
    return DTM_DATABASE;
  }

  get clients(): readonly ShopClient[] {
    return this.#participants.map(({ client }) => client);
  }

  get participants(): readonly AppInstance[] {
    return this.#participants.map(({ instance }) => instance);
  }

  get logFiles(): readonly string[] {
    return this.#participants.map(({ instance }) => instance.logFile);
  }

  /** Ends what ran before and starts the service with branches over this transport. */
  async play(transport: Transport): Promise<void> {
    await this.#leave();
    this.#participants = await Promise.all(
      Array.from({ length: INSTANCES }, (_, index) => this.#participant(transport, index)),
    );
    await Promise.all(this.participants.map((instance) => instance.start()));
  }

  /** How much later DTM's calls reach the branches, asked once per connection. */
  setBranchDelay(delayMs: () => number, options: { readonly openOnesKeepTheirs?: boolean } = {}): void {
    for (const { proxy } of this.#participants) proxy.setDelay(delayMs, options);
  }

  setBranchAnswers(mode: 'pass' | 'drop-replies'): void {
    for (const { proxy } of this.#participants) proxy.setMode(mode);
  }

  /** Further coordinators on the same store; each has a recovery loop of its own. */
  async addCoordinators(count: number): Promise<void> {
    const { options, dtmSettings } = this.base;
    const start = (): Promise<RunningServers<'dtm'>> =>
      options.startServers(['dtm'], { environment: { dtm: dtmSettings } });
    this.#helpers.push(...(await Promise.all(Array.from({ length: count }, start))));
  }

  async removeCoordinators(): Promise<void> {
    await Promise.all(this.#helpers.splice(0).map((helper) => helper.stop()));
  }

  async query<Row>(sql: string, values: readonly (string | number | null)[] = []): Promise<Row[]> {
    const [rows] = await this.pool.query<RowDataPacket[]>(sql, [...values]);
    return (Array.isArray(rows) ? rows : []) as unknown as Row[];
  }

  /** Sagas that were decided on and have not ended. */
  async sagasInFlight(): Promise<number> {
    const [row] = await this.query<{ n: string }>(
      `SELECT COUNT(*) AS n FROM ${this.shopName}.saga_runs WHERE finished_at IS NULL`,
    );
    return Number(row?.n);
  }

  /** How often barriers have said so, over the present lives of both processes. */
  async barrierVerdicts(verdict: string): Promise<number> {
    const texts = await Promise.all(
      this.participants.map(async ({ httpUrl }) => (await fetch(`${httpUrl}/metrics`)).text()),
    );
    const pattern = new RegExp(`^saga_barrier_verdicts_total\\{.*verdict="${verdict}".*\\} (\\d+)`, 'gm');
    return texts.flatMap((text) => [...text.matchAll(pattern)]).reduce((total, [, count]) => total + Number(count), 0);
  }

  async close(): Promise<void> {
    await this.#leave();
    await this.removeCoordinators();
    await this.databases.close();
    await this.pool.end().catch(() => undefined);
    for (const step of [...this.base.undo].reverse()) await step();
  }

  async #leave(): Promise<void> {
    const leaving = this.#participants.splice(0);
    await Promise.all(leaving.map(({ instance }) => instance.stop()));
    await Promise.all(leaving.flatMap(({ proxy, client }) => [proxy.stop(), client.close()]));
  }

  async #participant(transport: Transport, index: number): Promise<Participant> {
    const { supervisor, logs } = this.base;
    const { listenHost } = await coordinatorAddresses(this.dtm.endpoint);
    const [httpPort, grpcPort] = [await this.#ports.next(), await this.#ports.next()];
    const target = { host: '127.0.0.1', port: transport === 'grpc' ? grpcPort : httpPort };
    const proxy = await TcpProxy.start(target, { host: listenHost });
    const address = `127.0.0.1:${proxy.port}`;
    const name = `saga-participant-${transport}-${index + 1}`;
    const env = {
      ...this.#environment(),
      HTTP_PORT: String(httpPort),
      GRPC_PORT: String(grpcPort),
      BRANCH_TRANSPORT: transport,
      BRANCH_ADDRESS: transport === 'grpc' ? address : `http://${address}`,
    };
    const instance = new AppInstance(
      { name, app: 'saga-participant', httpPort, grpcPort, env },
      {
        supervisor,
        logFile: join(logs, `${name}.log`),
        respawn: false,
        onUnexpectedExit: () => undefined,
        onRespawned: () => undefined,
        onRespawnFailed: () => undefined,
      },
    );
    const client = new ShopClient({
      sagaUrl: instance.httpUrl,
      webhookSecret: this.#secrets.PAYMENT_WEBHOOK_SECRET,
      operatorHeaders: {},
      connections: CONNECTIONS_EACH,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    });
    return { instance, proxy, client };
  }

  #environment(): Record<string, string> {
    const { database, shop, servers } = this.base;
    const { url, grpcAddress = '' } = this.dtm.endpoint;
    return {
      PATH: process.env['PATH'] ?? '',
      TMPDIR: process.env['TMPDIR'] ?? '/tmp',
      NODE_ENV: 'test',
      AUTH_MODE: 'none',
      LOG_LEVEL: 'warn',
      HTTP_HOST: '127.0.0.1',
      MYSQL_URL: database.appUrls['saga-participant'] ?? '',
      SHOP_MYSQL_URL: shop.appUrl,
      MYSQL_POOL_SIZE: '40',
      AMQP_URL: servers.endpoints.rabbitmq.url,
      DTM_URL: url,
      DTM_GRPC_ADDRESS: grpcAddress,
      // The submit's deadline ends a pass over gRPC: it is longer than the passes here. The lease is what a killed process leaves behind.
      DTM_TIMEOUT_MS: '4000',
      SAGA_LEASE_MS: '4500',
      SAGA_RETRY_INTERVAL_S: '1',
      SAGA_POLL_INTERVAL_MS: '100',
      OUTBOX_POLL_INTERVAL_MS: '50',
      SWEEP_INTERVAL_MS: '100',
      PAYMENT_TIMEOUT_MS: String(PAYMENT_TIMEOUT_MS),
      COUPON_LOCK_TTL_MS: '90000',
      ...this.#secrets,
    };
  }
}

async function lay(options: StageOptions, undo: (() => Promise<unknown>)[]): Promise<Foundation> {
  const logs = openLogFolder('chaos-sagas');
  const building = buildApps(['saga-participant'], join(logs, 'build.log'), options.signal);
  building.catch(() => undefined);
  const servers = await options.startServers(['mysql', 'rabbitmq'], {
    arguments: { mysql: ['--max-connections=500'] },
  });
  undo.push(() => servers.stop());
  const { url, source } = servers.endpoints.mysql;
  const database = await prepareDatabase({ serverUrl: url, name: 'coupon', userSuffix: '' });
  await building;
  const shop = await prepareShop(database, migrateShop);
  await prepareStore(url);
  // From a container the store is reached over the host, at whatever address the proxy listens on.
  const isContainer = source === 'docker';
  const { hostname, port, username, password } = new URL(url);
  const storeProxy = await TcpProxy.start(
    { host: hostname, port: Number(port) },
    { host: isContainer ? '0.0.0.0' : '127.0.0.1' },
  );
  undo.push(() => storeProxy.stop());
  const dtmSettings = {
    STORE_DRIVER: 'mysql',
    STORE_HOST: isContainer ? 'host.docker.internal' : '127.0.0.1',
    STORE_PORT: String(storeProxy.port),
    STORE_USER: decodeURIComponent(username),
    STORE_PASSWORD: decodeURIComponent(password),
    STORE_DB: DTM_DATABASE,
    STORE_MAX_OPEN_CONNS: '50',
    STORE_MAX_IDLE_CONNS: '10',
    TRANS_CRON_INTERVAL: '1',
  };
  const coordinator = await options.startServers(['dtm'], { environment: { dtm: dtmSettings } });
  undo.push(() => coordinator.stop());
  const supervisor = await Supervisor.start({ parent: RUN_FOLDER, purpose: 'chaos-apps' });
  undo.push(() => supervisor.stop());
  return { options, servers, database, shop, storeProxy, coordinator, dtmSettings, supervisor, logs, undo };
}

/** The tables of DTM's store, as a deployment makes them. */
async function prepareStore(serverUrl: string): Promise<void> {
  const template = readFileSync(join(REPOSITORY, 'infra/mysql/dtm.sql.tmpl'), 'utf8');
  const [tables = ''] = template.replaceAll('${DTM_DATABASE}', DTM_DATABASE).split('CREATE USER');
  const pool = createPool({ uri: serverUrl, multipleStatements: true, connectionLimit: 1 });
  try {
    await pool.query(tables);
  } finally {
    await pool.end();
  }
}
