import { randomBytes } from 'node:crypto';
import { Metadata, credentials } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { InventorySagaClient, ReserveStockRequest } from '@coupon/contracts';
import { applyGrants } from '@coupon/persistence';
import { useMysqlDatabase } from '@coupon/testing';
import type { MysqlDatabase } from '@coupon/testing';
import { createInventoryModule } from '../../../src/inventory/inventory.module';
import { migrateShop, startService } from '../../support/service-under-test';
import type { ServiceUnderTest } from '../../support/service-under-test';

/** Any answer: the fields the specs look at, present or not. */
export interface Body {
  readonly id: string;
  readonly product_id: string;
  readonly name: string;
  readonly price: string;
  readonly category_id: string | null;
  readonly stock: number;
  readonly reserved: number;
  readonly version: number;
  readonly order_id: string;
  readonly quantity: number;
  readonly remaining_stock: number;
  readonly state: string;
  readonly items: readonly Body[];
  readonly next_cursor: string | null;
  readonly code: string;
  readonly message: string;
  readonly dtm_result: string;
  readonly details: {
    readonly field: string;
    readonly available: number;
    readonly violations: readonly { readonly field: string }[];
  };
}

export interface Answer {
  readonly status: number;
  readonly body: Body;
}

export interface Line {
  readonly productId: string;
  readonly quantity: number;
}

export type Op = 'action' | 'compensate';

export interface StockState {
  readonly stock: number;
  readonly reserved: number;
  readonly version: number;
}

export interface InventoryFixture {
  readonly database: MysqlDatabase;
  readonly service: ServiceUnderTest;
  readonly client: InventorySagaClient;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** @returns the new product's id */
  product(stock: number): Promise<string>;
  reserve(productId: string, orderSn: string, quantity?: number, strategy?: string): Promise<Answer>;
  /** A branch as DTM calls it over HTTP. */
  branch(path: string, gid: string, request: unknown, op?: Op): Promise<Answer>;
  /** A branch as DTM calls it over gRPC; the status' number and text. */
  grpcBranch(
    method: 'reserveStock' | 'releaseStock' | 'commitStock',
    gid: string,
    request: { orderSn: string; items?: readonly Line[] },
    op?: Op,
  ): Promise<{ code: number; details: string }>;
  stockOf(productId: string): Promise<StockState>;
  /** Per order and product, what is stored. */
  reservations(productId: string): Promise<{ order_sn: string; quantity: number; state: string }[]>;
  events(productId: string): Promise<Record<string, unknown>[]>;
}

/** Asks again while the answer is that it is too early, as DTM does, and as buyers do. */
export async function decided<A extends { readonly status?: number; readonly code?: number }>(
  ask: () => Promise<A>,
): Promise<A> {
  for (;;) {
    const answer = await ask();
    if (answer.status !== 425 && answer.status !== 503 && answer.code !== 9) return answer;
  }
}

/** The inventory in this process on a database of its own, as the MySQL user with the rights of a deployment, reached through its ports. */
export function useInventory(environment: () => Readonly<Record<string, string>> = () => ({})): InventoryFixture {
  const user = `t_saga_${randomBytes(4).toString('hex')}`;
  let current: { service: ServiceUnderTest; client: InventorySagaClient } | undefined;
  // Before the database's own hook: Jest runs these in the order in which they are registered.
  afterAll(async () => {
    current?.client.close();
    await current?.service.close();
    await database.query(`DROP USER IF EXISTS '${user}'@'%'`);
  });
  const database = useMysqlDatabase({ migrate: migrateShop });
  beforeAll(async () => {
    const service = await startService({
      environment: { SHOP_MYSQL_URL: await leastPrivilegedUrl(database, user), ...environment() },
      modules: (context) => [createInventoryModule(context)],
      ...(process.env['SPEC_LOG'] === undefined ? {} : { onLog: (line: string) => process.stdout.write(line) }),
    });
    current = { service, client: new InventorySagaClient(service.grpc, credentials.createInsecure()) };
  });
  const need = (): NonNullable<typeof current> => {
    if (current === undefined) throw new Error('used before beforeAll');
    return current;
  };
  const fixture: InventoryFixture = {
    database,
    get service() {
      return need().service;
    },
    get client() {
      return need().client;
    },
    call: async (method, path, body, headers = {}) => {
      const response = await fetch(`${need().service.http}${path}`, {
        method,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: JSON.parse(await response.text()) as Body };
    },
    product: async (stock) => {
      const created = await fixture.call('POST', '/api/v1/products', { name: 'a thing', price: '12.30', stock });
      if (created.status !== 201) throw new Error(JSON.stringify(created.body));
      return created.body.id;
    },
    reserve: (productId, orderSn, quantity = 1, strategy) =>
      fixture.call(
        'POST',
        `/api/v1/products/${productId}/stock/reserve${strategy === undefined ? '' : `?strategy=${strategy}`}`,
        { quantity, order_id: orderSn },
      ),
    branch: (path, gid, request, op = 'action') =>
      fixture.call('POST', `/dtm/inventory/${path}?gid=${gid}&trans_type=saga&branch_id=01&op=${op}`, request),
    grpcBranch: (method, gid, request, op = 'action') => {
      const metadata = new Metadata();
      for (const [name, value] of Object.entries({ gid, trans_type: 'saga', branch_id: '01', op })) {
        metadata.set(`dtm-${name}`, value);
      }
      return new Promise((resolve) => {
        const answered = (error: ServiceError | null): void =>
          resolve(error === null ? { code: 0, details: '' } : { code: error.code, details: error.details });
        need().client[method](
          ReserveStockRequest.fromPartial({ orderSn: request.orderSn, items: [...(request.items ?? [])] }),
          metadata,
          answered,
        );
      });
    },
    stockOf: async (productId) => {
      const [row] = await database.query<StockState>('SELECT stock, reserved, version FROM products WHERE id = ?', [
        productId,
      ]);
      if (row === undefined) throw new Error(`no product ${productId}`);
      return row;
    },
    reservations: (productId) =>
      database.query('SELECT order_sn, quantity, state FROM stock_reservations WHERE product_id = ? ORDER BY id', [
        productId,
      ]),
    events: async (productId) => {
      const rows = await database.query<{ event_id: string; routing_key: string; body: unknown }>(
        "SELECT event_id, routing_key, body FROM outbox WHERE event_id LIKE CONCAT('stock-reserved-', ?, '-%') ORDER BY id",
        [productId],
      );
      return rows.map(({ body }) => (typeof body === 'string' ? JSON.parse(body) : body) as Record<string, unknown>);
    },
  };
  return fixture;
}

async function leastPrivilegedUrl(database: MysqlDatabase, user: string): Promise<string> {
  const password = randomBytes(12).toString('hex');
  await applyGrants(database.serverUrl, {
    schema: 'shop',
    database: database.name,
    passwords: { saga: password },
    users: { saga: user },
  });
  const url = new URL(database.url);
  url.username = user;
  url.password = password;
  return url.toString();
}
