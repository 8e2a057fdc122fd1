import { EMBEDDED_MIGRATIONS as COUPON_MIGRATIONS, applyMigrations } from '@coupon/persistence';
import { createLogger } from '@coupon/service-kit';
import { eventually, useDtm, useMysqlDatabase } from '@coupon/testing';
import type { Dtm, MysqlDatabase } from '@coupon/testing';
import { loadSagaConfig } from '../../src/config';
import { EMBEDDED_MIGRATIONS as SHOP_MIGRATIONS } from '../../src/migrations/generated/migrations';
import { createOrderModule } from '../../src/orders/orders.module';
import type { OrderModule } from '../../src/orders/orders.module';
import type { OrderStatus } from '../../src/orders/order-transitions';
import { createSagaParticipant } from '../../src/saga-participant';
import type { ModuleContext, SagaParticipant } from '../../src/saga-participant';
import { BranchScript, createBranchDoubles } from './branch-doubles';

export interface Answer {
  readonly status: number;
  readonly body: OrderBody;
}

/** Any answer: the fields the specs look at, present or not. */
export interface OrderBody {
  readonly order_sn: string;
  readonly gid: string;
  readonly status: OrderStatus;
  readonly reason_code?: string;
  readonly payment_sn?: string;
  readonly original_amount: string;
  readonly discount_amount: string;
  readonly final_amount: string;
  readonly coupons: readonly { readonly coupon_sn: string; readonly discount_amount: string }[];
  readonly refused: readonly { readonly coupon_sn: string; readonly code: string }[];
  readonly items: readonly Readonly<Record<string, unknown>>[];
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Instance {
  readonly app: SagaParticipant;
  readonly context: ModuleContext;
  readonly orders: OrderModule;
}

export interface OrderFixture {
  readonly script: BranchScript;
  readonly shop: MysqlDatabase;
  readonly coupon: MysqlDatabase;
  readonly dtm: Dtm;
  readonly instance: Instance;
  another(environment?: Record<string, string>): Promise<Instance>;
  call(method: 'GET' | 'POST', path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  checkout(over?: Record<string, unknown>, query?: string): Promise<Answer>;
  read(orderSn: string): Promise<OrderBody>;
  /** Waits for a status. */
  becomes(orderSn: string, status: OrderStatus): Promise<OrderBody>;
  newOrderSn(): string;
  product(over?: { price?: string; stock?: number; categoryId?: number }): Promise<string>;
  /** An unused coupon of the user: 10.00 off from 50.00 on, unless told otherwise. */
  newCoupon(
    over?: Readonly<Record<string, string | number | null>>,
    userId?: string,
  ): Promise<{ sn: string; id: string }>;
  /** The provider says so: in one transaction, the order's row first. */
  capture(orderSn: string): Promise<void>;
  decline(orderSn: string): Promise<void>;
  /** What the tables say of an order: coupons, payment, reservation. */
  world(
    orderSn: string,
  ): Promise<{ coupons: number[]; payment: string | null; reservations: string[]; refunds: number }>;
}

export const USER = '7';

/** The service with its real order module, and doubles for the other branches, on databases and a DTM of its own. */
export function useOrders(environment: Readonly<Record<string, string>> = {}): OrderFixture {
  const script = new BranchScript();
  const instances: Instance[] = [];
  let next = 0;
  // Before the databases' own hooks: Jest runs these in the order in which they are registered.
  afterAll(async () => {
    await Promise.all(instances.map(({ app }) => app.lifecycle.stop('end of the specs')));
  });
  const shop = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: SHOP_MIGRATIONS }) });
  const coupon = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: COUPON_MIGRATIONS }) });
  const dtm = useDtm({ TRANS_CRON_INTERVAL: '1' });
  const start = async (extra: Record<string, string>): Promise<Instance> => {
    const config = loadSagaConfig({
      NODE_ENV: 'test',
      AUTH_MODE: 'none',
      HTTP_HOST: dtm.participantHost,
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      MYSQL_URL: coupon.url,
      SHOP_MYSQL_URL: shop.url,
      MYSQL_POOL_SIZE: '30',
      MYSQL_POOL_IDLE: '1',
      AMQP_URL: 'amqp://127.0.0.1:1',
      DTM_URL: dtm.url,
      DTM_GRPC_ADDRESS: dtm.grpcAddress,
      DTM_TIMEOUT_MS: '8000',
      SAGA_LEASE_MS: '10000',
      SAGA_RETRY_INTERVAL_S: '1',
      SAGA_POLL_INTERVAL_MS: '100',
      SWEEP_INTERVAL_MS: '100',
      PAYMENT_WEBHOOK_SECRET: 'a secret of the provider',
      BRANCH_SECRET: 'a secret of the branches',
      LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
      ...environment,
      ...extra,
    });
    let parts: Omit<Instance, 'app'> | undefined;
    const app = createSagaParticipant(config, createLogger({ name: 'test', level: config.logLevel }), (context) => {
      const orders = createOrderModule(context);
      parts = { context, orders };
      return [orders.module, createBranchDoubles(context, script)];
    });
    if (parts === undefined) throw new Error('no modules were made');
    const instance = { app, ...parts };
    instances.push(instance);
    await app.lifecycle.start();
    return instance;
  };
  beforeAll(async () => {
    await start({});
  });
  const main = (): Instance => {
    const [first] = instances;
    if (first === undefined) throw new Error('the service runs only while hooks and tests run');
    return first;
  };
  const call: OrderFixture['call'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`http://127.0.0.1:${main().app.http.port}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as OrderBody };
  };
  const read = async (orderSn: string): Promise<OrderBody> => (await call('GET', `/api/v1/checkouts/${orderSn}`)).body;
  const report = (orderSn: string, status: string, tell: 'paymentCaptured' | 'paymentDeclined'): Promise<void> =>
    main().context.shop.transaction(async (tx) => {
      await tx.$queryRawUnsafe('SELECT 1 FROM orders WHERE order_sn = ? FOR UPDATE', orderSn);
      const from = status === 'CAPTURED' ? "'CREATED', 'DECLINED', 'CANCELLED'" : "'CREATED'";
      const rows = await tx.$executeRawUnsafe(
        `UPDATE payments SET status = ?, provider_ref = ? WHERE order_sn = ? AND status IN (${from})`,
        ...[status, `ref-${orderSn}`, orderSn],
      );
      if (rows > 0) await main().orders.arbiter[tell](tx, orderSn);
    });
  return {
    script,
    shop,
    coupon,
    dtm,
    get instance() {
      return main();
    },
    another: (extra = {}) => start(extra),
    call,
    checkout: (over = {}, query = '?wait=true') =>
      call('POST', `/api/v1/checkouts${query}`, { user_id: USER, coupon_sns: [], shipping_fee: '0.00', ...over }),
    read,
    becomes: (orderSn, status) =>
      eventually(
        async () => {
          const order = await read(orderSn);
          expect(order.status).toBe(status);
          return order;
        },
        { timeoutMs: 30_000 },
      ),
    newOrderSn: () => `o-${Date.now().toString(36)}-${100 + next++}`,
    product: async ({ price = '100.00', stock = 1_000, categoryId = 3 } = {}) => {
      const rows = [`p${next++}`, price, stock, categoryId];
      await shop.query('INSERT INTO products (name, price, stock, category_id) VALUES (?, ?, ?, ?)', rows);
      const [row] = await shop.query<{ id: string }>('SELECT MAX(id) AS id FROM products');
      return String(row?.id);
    },
    newCoupon: async (over = {}, userId = USER) => {
      const template: Record<string, string | number | null> = {
        name: 't',
        type: 1,
        discount_type: 1,
        discount_value: '10.00',
        min_amount: '50.00',
        total_count: 100,
        valid_start_time: '2020-01-01 00:00:00',
        valid_end_time: '2037-01-01 00:00:00',
        ...over,
      };
      const names = Object.keys(template);
      await coupon.query(
        `INSERT INTO coupon_templates (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
        Object.values(template),
      );
      const sn = `C${Date.now().toString(36)}${next++}`;
      await coupon.query(
        `INSERT INTO user_coupons (coupon_id, user_id, coupon_sn, valid_start_time, valid_end_time, source)
         SELECT MAX(id), ?, ?, '2020-01-01', '2037-01-01', 'grant' FROM coupon_templates`,
        [userId, sn],
      );
      const [row] = await coupon.query<{ id: string }>('SELECT id FROM user_coupons WHERE coupon_sn = ?', [sn]);
      return { sn, id: String(row?.id) };
    },
    capture: (orderSn) => report(orderSn, 'CAPTURED', 'paymentCaptured'),
    decline: (orderSn) => report(orderSn, 'DECLINED', 'paymentDeclined'),
    world: async (orderSn) => {
      const [order] = await shop.query<{ coupons: { user_coupon_id: string }[] }>(
        'SELECT coupons FROM orders WHERE order_sn = ?',
        [orderSn],
      );
      const ids = (order?.coupons ?? []).map(({ user_coupon_id: id }) => id);
      const statuses = ids.map(async (id) => {
        const [row] = await coupon.query<{ status: number }>('SELECT status FROM user_coupons WHERE id = ?', [id]);
        return Number(row?.status);
      });
      const [payment] = await shop.query<{ status: string }>('SELECT status FROM payments WHERE order_sn = ?', [
        orderSn,
      ]);
      const reservations = await shop.query<{ state: string }>(
        'SELECT state FROM stock_reservations WHERE order_sn = ? ORDER BY product_id',
        [orderSn],
      );
      const refunds = await shop.query('SELECT 1 FROM refunds WHERE order_sn = ?', [orderSn]);
      return {
        coupons: await Promise.all(statuses),
        payment: payment?.status ?? null,
        reservations: reservations.map(({ state }) => state),
        refunds: refunds.length,
      };
    },
  };
}
