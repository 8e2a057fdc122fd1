import { randomFillSync } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { couponSn, encodeClaimId } from '@coupon/domain';
import { labelled, startPlatform } from '@coupon/platform';
import type { Platform } from '@coupon/platform';
import { pollUntil } from '@coupon/servers';
import type { BenchContext } from '../bench';
import { BenchChild, bundle } from '../process/child';

/** As many as an ordinary shop's: an order takes two of them at random, so that rows are shared and none is hot. */
const PRODUCTS = 200;
const STOCK = 10_000_000;
const ROWS_PER_INSERT = 1_000;
const FIRST_USER = 7_000_000;
const QUIET_TIMEOUT_MS = 60_000;
const POOL_SIZE = 50;
const BIGINTS = { supportBigNumbers: true, bigNumberStrings: true } as const;

/** A coupon that can be used in one order of its owner. */
export interface OwnedCoupon {
  readonly couponSn: string;
  readonly userId: string;
}

/** saga-participant as it is deployed, with products and coupons, and the floor beside it on the same DTM and MySQL. */
export class ShopBed {
  #nextUser = FIRST_USER;

  private constructor(
    readonly platform: Platform,
    readonly coupon: Connection,
    readonly shop: Connection,
    readonly floor: BenchChild<{ port: number }>,
    private readonly templateId: number,
    readonly firstProduct: number,
  ) {}

  static async lay(context: BenchContext, store: 'boltdb' | 'mysql'): Promise<ShopBed> {
    const platform = await startPlatform({
      purpose: 'bench',
      counts: { 'saga-participant': 1 },
      coordinatorStore: store,
      // Nothing of what is measured falls due meanwhile.
      appEnv: { 'saga-participant': { MYSQL_POOL_SIZE: String(POOL_SIZE) } },
      log: context.screen.line,
      signal: context.signal,
    });
    context.defer(() => platform.stop());
    const { sagas } = platform;
    if (!sagas) throw new Error('saga-participant was not started');
    const open = async (uri: string): Promise<Connection> => {
      const connection = await createConnection({ uri, timezone: 'Z', ...BIGINTS });
      context.defer(() => connection.end());
      return connection;
    };
    const coupon = await open(platform.database.adminUrl);
    const shop = await open(sagas.shop.adminUrl);
    const { env } = platform.one('saga-participant').plan;
    const floor = await BenchChild.start<{ port: number }>(await bundle('saga/floor-participant'), [
      JSON.stringify({
        couponMysqlUrl: env['MYSQL_URL'],
        shopMysqlUrl: env['SHOP_MYSQL_URL'],
        poolSize: POOL_SIZE,
        dtmUrl: sagas.coordinator.url,
        dtmGrpcAddress: sagas.coordinator.grpcAddress,
        branchHost: sagas.coordinator.branchHost,
        listenHost: sagas.coordinator.listenHost,
        branchHeaders: env['BRANCH_SECRET'] === undefined ? {} : { 'x-branch-secret': env['BRANCH_SECRET'] },
      }),
    ]);
    context.defer(() => floor.stop());
    context.screen.line(labelled('floor', 'the same four steps, barrier only, on the same DTM and MySQL'));
    return new ShopBed(platform, coupon, shop, floor, await aTemplate(coupon), await products(shop));
  }

  /** Two different products. */
  pickProducts(n: number): readonly [string, string] {
    const one = (n * 7) % PRODUCTS;
    return [String(this.firstProduct + one), String(this.firstProduct + ((one + 1 + (n % 50)) % PRODUCTS))];
  }

  /** Coupons of 20.00 off from 100.00, each of another user, as an operator's grant leaves them. */
  async issue(count: number): Promise<OwnedCoupon[]> {
    const random = new Uint8Array(10);
    const coupons = Array.from({ length: count }, () => ({
      couponSn: couponSn(encodeClaimId(Date.now(), randomFillSync(random)), 1),
      userId: String(this.#nextUser++),
    }));
    for (let from = 0; from < count; from += ROWS_PER_INSERT) {
      const rows = coupons
        .slice(from, from + ROWS_PER_INSERT)
        .map(({ couponSn: sn, userId }) => [this.templateId, userId, sn, '2026-01-01', '2037-01-01', 'grant']);
      await this.coupon.query(
        'INSERT INTO user_coupons (coupon_id, user_id, coupon_sn, valid_start_time, valid_end_time, source) VALUES ?',
        [rows],
      );
    }
    return coupons;
  }

  /** What a run leaves to do in the background is done before the next one is measured. */
  async untilQuiet(): Promise<void> {
    await pollUntil(
      async () => {
        for (const connection of [this.coupon, this.shop]) {
          const [[row]] = await connection.query<RowDataPacket[]>(
            'SELECT COUNT(*) AS n FROM outbox WHERE published_at IS NULL',
          );
          if (Number(row?.['n']) > 0) throw new Error('events wait to be published');
        }
      },
      { timeoutMs: QUIET_TIMEOUT_MS, intervalMs: 50, what: 'the end of the background work' },
    );
  }
}

async function aTemplate(coupon: Connection): Promise<number> {
  const [{ insertId }] = await coupon.query<ResultSetHeader>(
    `INSERT INTO coupon_templates (name, type, discount_type, discount_value, min_amount, total_count, valid_start_time, valid_end_time)
     VALUES ('bench', 1, 1, '20.00', '100.00', 100000000, '2026-01-01', '2037-01-01')`,
  );
  return insertId;
}

/** @returns the id of the first; the others follow */
async function products(shop: Connection): Promise<number> {
  const rows = Array.from({ length: PRODUCTS }, (_, n) => [`product ${n}`, 1 + (n % 10), '60.00', STOCK]);
  const [{ insertId }] = await shop.query<ResultSetHeader>(
    'INSERT INTO products (name, category_id, price, stock) VALUES ?',
    [rows],
  );
  return insertId;
}
