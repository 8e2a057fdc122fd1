import { randomBytes } from 'node:crypto';
import { Metadata, credentials, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { Router } from 'express';
import { pino } from 'pino';
import {
  CouponSagaClient,
  LockCouponRequest,
  RevertCouponRequest,
  UnlockCouponRequest,
  UseCouponRequest,
  descriptorSet,
} from '@coupon/contracts';
import { EMBEDDED_MIGRATIONS, applyGrants, applyMigrations } from '@coupon/persistence';
import { createHttpBranches } from '@coupon/saga';
import {
  Health,
  createAuthenticator,
  createGrpcServer,
  createHttpApp,
  createHttpServer,
  createMetrics,
  systemClock,
} from '@coupon/service-kit';
import type { GrpcServer, HttpServer } from '@coupon/service-kit';
import { useMysqlDatabase } from '@coupon/testing';
import type { MysqlDatabase } from '@coupon/testing';
import { openCouponDatabase } from '../../../src/adapters/databases';
import type { CouponDatabase } from '../../../src/adapters/databases';
import type { BranchAddress } from '../../../src/branches/branch';
import { requireBranchSecret } from '../../../src/branches/branch-secret';
import { loadSagaConfig } from '../../../src/config';
import { createCouponModule } from '../../../src/coupons/coupons.module';

export type Command = 'lock' | 'unlock' | 'use' | 'revert';
export const COMMANDS: readonly Command[] = ['lock', 'unlock', 'use', 'revert'];

/** What every request says, and what some of them say besides. */
export interface OrderRequest {
  readonly userId?: string;
  readonly userCouponId?: string;
  readonly userCouponIds?: readonly string[];
  readonly orderSn: string;
  readonly lockTimeout?: number;
  readonly originalMinor?: string;
  readonly finalMinor?: string;
  readonly couponShares?: readonly { readonly userCouponId: string; readonly discountMinor: string }[];
}

/** `OK`, or the refusal's code; `FAULT` for what DTM would repeat. */
export type Told = string;

export interface Step {
  readonly gid: string;
  readonly op: 'action' | 'compensate';
  readonly branchId?: string;
  /** Over HTTP, whose path is called. @default that of `op` */
  readonly pathOf?: 'action' | 'compensate';
}

export interface CouponRow {
  readonly status: number;
  readonly order_sn: string | null;
  readonly used_time: Date | null;
  readonly lock_expires_at: Date | null;
}

export interface CouponFixture {
  readonly database: MysqlDatabase;
  readonly coupons: CouponDatabase;
  /** What became of orders, for the sweeper. */
  readonly orders: Map<string, string>;
  /** Orders the sweeper has asked to look at their time to pay. */
  readonly due: string[];
  /** Where DTM reaches the branches. */
  address(transport: 'grpc' | 'http'): BranchAddress;
  plain(command: Command, request: OrderRequest, authorization?: string): Promise<Told>;
  branch(transport: 'grpc' | 'http', command: Command, step: Step, request: OrderRequest): Promise<Told>;
  template(over?: Readonly<Record<string, string | number>>): Promise<string>;
  coupon(templateId: string, over?: Readonly<Record<string, string | number | null>>): Promise<string>;
  row(id: string): Promise<CouponRow>;
  transitions(id: string): Promise<string[]>;
  usedCount(templateId: string): Promise<number>;
}

export const USER = '7';
/** Of the branches. */
export const SECRET = 'the secret of the branches';
let sequence = 0;

/** The module behind its ports, with the rights of its own MySQL user and nobody else's. */
export function useCoupons(
  options: {
    readonly server?: 'mysql' | 'mariadb';
    readonly environment?: () => Readonly<Record<string, string>>;
    readonly sweeping?: boolean;
  } = {},
): CouponFixture {
  const user = `t_saga_${randomBytes(4).toString('hex')}`;
  const orders = new Map<string, string>();
  const due: string[] = [];
  let parts: { coupons: CouponDatabase; http: HttpServer; grpc: GrpcServer; client: CouponSagaClient } | undefined;
  let end = async (): Promise<void> => undefined;
  afterAll(async () => {
    await end();
    await database.query(`DROP USER IF EXISTS '${user}'@'%'`);
  });
  const database = useMysqlDatabase({
    server: options.server ?? 'mysql',
    migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }),
  });
  beforeAll(async () => {
    const password = randomBytes(12).toString('hex');
    const grants = { database: database.name, passwords: { saga: password }, users: { saga: user } };
    await applyGrants(database.serverUrl, grants);
    const url = Object.assign(new URL(database.url), { username: user, password }).toString();
    const config = loadSagaConfig({ ...environment(url), ...options.environment?.() });
    const logger = pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' });
    const authenticator = createAuthenticator(config.auth, { onKeySetFailure: () => undefined });
    const coupons = openCouponDatabase(url, { ...config.mysqlPool, onConnectionError: () => undefined });
    const lookup = {
      statusOf: async (orderSns: readonly string[]) => new Map([...orders].filter(([sn]) => orderSns.includes(sn))),
      paymentDue: async (orderSn: string) => void due.push(orderSn),
    };
    const module = createCouponModule(
      { config, logger, clock: systemClock, authenticator, coupons },
      { orders: lookup },
    );
    const health = new Health({ clock: systemClock, state: () => 'RUNNING' });
    const metrics = createMetrics({ service: 'test' });
    const branches = createHttpBranches(
      module.branches.flatMap(({ http }) => http),
      { onFault: (error) => logger.error({ err: error }, 'a branch failed') },
    );
    const before = [Router().use('/dtm', requireBranchSecret(config.branches.secret), branches)];
    const handler = createHttpApp({ logger, health, metrics, before, routes: module.routes });
    const http = createHttpServer({ ...config.http, handler });
    const grpc = createGrpcServer({ ...config.grpc, services: module.grpc, health, descriptors: descriptorSet() });
    const drivers = options.sweeping === true ? module.drivers : [];
    const components = [...module.components, http, grpc, ...drivers];
    for (const component of components) await component.start?.();
    const client = new CouponSagaClient(`127.0.0.1:${grpc.port}`, credentials.createInsecure());
    parts = { coupons, http, grpc, client };
    end = async () => {
      client.close();
      for (const one of [...components].reverse()) {
        await one.stopIntake?.();
        await one.drain?.(new AbortController().signal);
        await one.close?.();
      }
      await coupons.close();
      metrics.close();
    };
  });
  const need = (): NonNullable<typeof parts> => {
    if (parts === undefined) throw new Error('used before beforeAll');
    return parts;
  };
  return {
    database,
    get coupons() {
      return need().coupons;
    },
    orders,
    due,
    address: (transport) =>
      transport === 'grpc'
        ? { transport, address: `127.0.0.1:${need().grpc.port}` }
        : { transport, baseUrl: `http://127.0.0.1:${need().http.port}` },
    plain: (command, request, authorization) => {
      const metadata = new Metadata();
      if (authorization !== undefined) metadata.set('authorization', authorization);
      return callGrpc(need().client, command, request, metadata);
    },
    branch: (transport, command, step, request) =>
      transport === 'grpc'
        ? callGrpc(need().client, command, request, branchMetadata(step))
        : callHttp(need().http.port, command, step, request),
    template: async (over = {}) => {
      const columns = {
        ...{ name: 'ten off', type: 1, discount_type: 1, discount_value: '10.00', total_count: 1_000, status: 1 },
        ...{ valid_start_time: '2026-01-01', valid_end_time: '2037-01-01', allocated_count: 100 },
        ...over,
      };
      return insert(database, 'coupon_templates', columns);
    },
    coupon: async (templateId, over = {}) =>
      insert(database, 'user_coupons', {
        ...{ coupon_id: templateId, user_id: USER, coupon_sn: `SN${(sequence += 1)}`, source: 'grant' },
        ...{ valid_start_time: '2026-01-01', valid_end_time: '2037-01-01' },
        ...over,
      }),
    row: async (id) => {
      const sql = 'SELECT status, order_sn, used_time, lock_expires_at FROM user_coupons WHERE id = ?';
      const [row] = await database.query<CouponRow>(sql, [id]);
      if (row === undefined) throw new Error(`there is no coupon ${id}`);
      return row;
    },
    transitions: async (id) => {
      const rows = await database.query<{ told: string }>(
        `SELECT CONCAT(from_status, '>', to_status, ' ', order_sn, ' ', reason) AS told FROM user_coupon_transitions
         WHERE user_coupon_id = ? ORDER BY id`,
        [id],
      );
      return rows.map(({ told }) => told);
    },
    usedCount: async (templateId) => {
      const sql = 'SELECT used_count FROM coupon_templates WHERE id = ?';
      const [row] = await database.query<{ used_count: number }>(sql, [templateId]);
      return row?.used_count ?? -1;
    },
  };
}

function environment(url: string): Record<string, string> {
  return {
    ...{ HTTP_HOST: '127.0.0.1', HTTP_PORT: '0', GRPC_PORT: '0', LOG_LEVEL: 'silent', AUTH_MODE: 'none' },
    ...{ MYSQL_URL: url, SHOP_MYSQL_URL: url, MYSQL_POOL_SIZE: '20', MYSQL_POOL_IDLE: '1' },
    ...{ AMQP_URL: 'amqp://127.0.0.1:1', DTM_URL: 'http://127.0.0.1:1', DTM_GRPC_ADDRESS: '127.0.0.1:1' },
    ...{ PAYMENT_WEBHOOK_SECRET: 'a secret of the provider', BRANCH_SECRET: SECRET, SWEEP_INTERVAL_MS: '50' },
  };
}

async function insert(
  database: MysqlDatabase,
  table: string,
  columns: Readonly<Record<string, string | number | null>>,
): Promise<string> {
  const names = Object.keys(columns);
  // RETURNING is not MySQL's, LAST_INSERT_ID belongs to the connection, which is one here.
  await database.query(
    `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    Object.values(columns),
  );
  const [row] = await database.query<{ id: string }>('SELECT LAST_INSERT_ID() AS id');
  return String(row?.id);
}

export function messageOf(request: OrderRequest): LockCouponRequest & UseCouponRequest {
  return {
    ...{ userId: USER, userCouponId: '0', lockTimeout: 0, originalMinor: '0', finalMinor: '0' },
    ...request,
    userCouponIds: [...(request.userCouponIds ?? [])],
    couponShares: [...(request.couponShares ?? [])],
  };
}

function callGrpc(
  client: CouponSagaClient,
  command: Command,
  request: OrderRequest,
  metadata: Metadata,
): Promise<Told> {
  const message = messageOf(request);
  return new Promise((resolve) => {
    const done = (error: ServiceError | null): void => {
      resolve(error === null ? 'OK' : toldBy(error));
    };
    if (command === 'lock') client.lockUserCoupon(message, metadata, done);
    else if (command === 'unlock') client.unlockUserCoupon(message, metadata, done);
    else if (command === 'use') client.useLockedCoupon(message, metadata, done);
    else client.revertUsedCoupon(message, metadata, done);
  });
}

/** ABORTED carries the code alone; a plain call says it in the metadata. */
function toldBy(error: ServiceError): Told {
  if (error.code === status.ABORTED) return error.details;
  if (error.code === status.INTERNAL) return 'FAULT';
  return String(error.metadata.get('x-error-code')[0] ?? `${error.code} ${error.details}`);
}

function branchMetadata({ gid, op, branchId = '01' }: Step): Metadata {
  const metadata = new Metadata();
  const values = { 'dtm-gid': gid, 'dtm-trans_type': 'saga', 'dtm-branch_id': branchId, 'dtm-op': op };
  for (const [name, value] of Object.entries(values)) metadata.set(name, value);
  metadata.set('x-branch-secret', SECRET);
  return metadata;
}

async function callHttp(port: number, command: Command, step: Step, request: OrderRequest): Promise<Told> {
  const { gid, op, branchId = '01', pathOf = op } = step;
  const query = new URLSearchParams({ gid, op, branch_id: branchId, trans_type: 'saga' });
  const path = `/dtm/coupons/${command}${pathOf === 'compensate' ? '/compensate' : ''}?${query.toString()}`;
  const codec = {
    lock: LockCouponRequest,
    unlock: UnlockCouponRequest,
    use: UseCouponRequest,
    revert: RevertCouponRequest,
  };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-branch-secret': SECRET },
    body: JSON.stringify(codec[command].toJSON(messageOf(request))),
  });
  const body = (await response.json()) as { dtm_result?: string; code?: string };
  if (response.status === 200 && body.dtm_result === 'SUCCESS') return 'OK';
  return response.status === 409 && body.dtm_result === 'FAILURE' ? String(body.code) : 'FAULT';
}
