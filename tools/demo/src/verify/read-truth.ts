import { createPool } from 'mysql2/promise';
import type { Pool, RowDataPacket } from 'mysql2/promise';
import type { SaleTruth } from './verify-sale';

const ROWS_PER_READ = 50_000;

/** MySQL itself, asked with the administrator's account and plain SQL: none of the platform's code is in between. */
export class MysqlTruth {
  readonly #pool: Pool;

  constructor(url: string) {
    this.#pool = createPool({
      uri: url,
      connectionLimit: 2,
      connectTimeout: 5_000,
      supportBigNumbers: true,
      bigNumberStrings: true,
    });
  }

  async couponCount(activityId: string): Promise<number> {
    return this.#number('SELECT COUNT(*) FROM user_coupons WHERE activity_id = ?', [activityId]);
  }

  /** Coupons of the whole database. */
  async allCoupons(): Promise<number> {
    return this.#number('SELECT COUNT(*) FROM user_coupons');
  }

  async deadLetters(): Promise<number> {
    return this.#number('SELECT COUNT(*) FROM dead_letters');
  }

  async sale(activityId: string): Promise<SaleTruth> {
    return {
      rows: await this.#coupons(activityId),
      successCount: await this.#number('SELECT success_count FROM flash_sale_activities WHERE id = ?', [activityId]),
      totalCount: await this.#number('SELECT total_count FROM flash_sale_activities WHERE id = ?', [activityId]),
      eventUnits: await this.#number(
        'SELECT COALESCE(SUM(CASE kind WHEN 1 THEN quantity ELSE -quantity END), 0) FROM claim_events WHERE activity_id = ?',
        [activityId],
      ),
    };
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #coupons(activityId: string): Promise<{ couponSn: string; userId: string }[]> {
    const coupons: { couponSn: string; userId: string }[] = [];
    for (let after = '0'; ;) {
      const [rows] = await this.#pool.query<RowDataPacket[]>(
        'SELECT id, coupon_sn, user_id FROM user_coupons WHERE activity_id = ? AND id > ? ORDER BY id LIMIT ?',
        [activityId, after, ROWS_PER_READ],
      );
      coupons.push(...rows.map((row) => ({ couponSn: String(row['coupon_sn']), userId: String(row['user_id']) })));
      const last = rows.at(-1);
      if (!last || rows.length < ROWS_PER_READ) return coupons;
      after = String(last['id']);
    }
  }

  async #number(sql: string, values: readonly string[] = []): Promise<number> {
    const [rows] = await this.#pool.query<RowDataPacket[]>({ sql, rowsAsArray: true }, [...values]);
    const value = Number((rows[0] as unknown as unknown[] | undefined)?.[0]);
    if (!Number.isSafeInteger(value)) throw new Error(`no number came back for: ${sql}`);
    return value;
  }
}
