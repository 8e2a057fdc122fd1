import { AppError } from '@coupon/domain';
import { applyMigrations } from '@coupon/persistence';
import { createLogger } from '@coupon/service-kit';
import { useMysqlDatabase } from '@coupon/testing';
import { openShopDatabase } from '../../../src/adapters/databases';
import type { ShopDatabase } from '../../../src/adapters/databases';
import { EMBEDDED_MIGRATIONS } from '../../../src/migrations/generated/migrations';
import { Desk } from '../../../src/orders/use-cases/order-desk';

const MORE_THAN_A_PAGE = 103;

describe('sweeper of orders past their time to pay', () => {
  const database = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }) });
  let shop: ShopDatabase;
  beforeAll(() => {
    shop = openShopDatabase(database.url, {
      ...{ poolSize: 4, poolIdle: 1, acquireTimeoutMs: 5_000 },
      onConnectionError: () => undefined,
    });
  });
  afterAll(() => shop.close());

  /** As many orders of one deadline, one hour away from now. */
  async function orders(name: string, count: number, when: '+' | '-'): Promise<string[]> {
    const sns = Array.from({ length: count }, (_, index) => `${name}-${String(index).padStart(3, '0')}`);
    const row = `(?, 1, 'AWAITING_PAYMENT', REPEAT('0', 64), ?, 0, 0, 1, 0, 1, '[]', CURRENT_TIMESTAMP(3) ${when} INTERVAL 1 HOUR)`;
    await database.query(
      `INSERT INTO orders (order_sn, user_id, status, request_hash, payment_sn, shipping_fee, shipping_discount, original_amount,
         discount_amount, final_amount, coupons, payment_deadline) VALUES ${sns.map(() => row).join(', ')}`,
      sns.flatMap((sn) => [sn, `p-${sn}`]),
    );
    return sns;
  }

  function deskThatCannotCancel(broken: (orderSn: string) => boolean) {
    const tried: string[] = [];
    const desk = new Desk({
      shop,
      arbiter: {
        command: (orderSn) => {
          tried.push(orderSn);
          if (broken(orderSn)) return Promise.reject(new AppError('NOT_READY', 'not now'));
          return Promise.resolve({ order: {} as never, decision: 'move', started: undefined });
        },
      },
      driver: { wake: () => undefined },
      logger: createLogger({ name: 'test', level: 'silent' }),
    });
    return { desk, tried };
  }

  it('tries each once in a round, also when none can be cancelled, and leaves those that have time', async () => {
    const due = await orders('due', MORE_THAN_A_PAGE, '-');
    await orders('early', 2, '+');
    const { desk, tried } = deskThatCannotCancel(() => true);
    await desk.sweep(() => false);
    expect(tried).toEqual(due);
  });

  it('ends between two orders when it is told to', async () => {
    const { desk, tried } = deskThatCannotCancel(() => false);
    await desk.sweep(() => tried.length === 5);
    expect(tried).toHaveLength(5);
  });
});
