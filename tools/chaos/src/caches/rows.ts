import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { SeededRandom } from '@coupon/testing';

/** A new version of what one cache says of a row. */
export interface KeyVersion {
  readonly key: string;
  readonly version: number;
}

/** A statement that gives a row new versions. */
export interface Change {
  readonly row: VersionedRow;
  readonly sql: string;
  readonly values: readonly (string | number)[];
  readonly versions: readonly KeyVersion[];
}

type Kind = 'template' | 'sale' | 'user-coupons';

const TOTAL = 100_000_000;
/** Of the coupons; made before everything else and never changed. */
export const PARENT_TEMPLATE = 1;
const FOREVER = "'2020-01-01', '2037-01-01'";

const INSERT: Readonly<Record<Kind, string>> = {
  template: `INSERT INTO coupon_templates (version, used_count, id, name, type, discount_type, discount_value, total_count, valid_start_time, valid_end_time)
    VALUES (?, ?, ?, 'chaos', 1, 1, 5, ${TOTAL}, ${FOREVER})`,
  sale: `INSERT INTO flash_sale_activities (version, success_count, id, coupon_id, name, total_count, start_time, end_time, status)
    VALUES (?, ?, ?, ${PARENT_TEMPLATE}, 'chaos', ${TOTAL}, ${FOREVER}, 2)`,
  'user-coupons': `INSERT INTO user_coupons (order_sn, user_id, coupon_sn, coupon_id, valid_start_time, valid_end_time, source)
    VALUES (CONCAT('v', ?), ?, CONCAT('C', user_id), ${PARENT_TEMPLATE}, ${FOREVER}, 'grant')`,
};
const UPDATE: Readonly<Record<Kind, string>> = {
  template: 'UPDATE coupon_templates SET version = ?, used_count = ?, updated_at = CURRENT_TIMESTAMP(3) WHERE id = ?',
  sale: 'UPDATE flash_sale_activities SET version = ?, success_count = ?, updated_at = CURRENT_TIMESTAMP(3) WHERE id = ?',
  'user-coupons': "UPDATE user_coupons SET order_sn = CONCAT('v', ?) WHERE user_id = ?",
};
const SELECT: Readonly<Record<Kind, string>> = {
  template: 'SELECT version AS terms, used_count AS counts FROM coupon_templates WHERE id = ?',
  sale: 'SELECT version AS terms, success_count AS counts FROM flash_sale_activities WHERE id = ?',
  'user-coupons': 'SELECT SUBSTRING(order_sn, 2) AS terms, 0 AS counts FROM user_coupons WHERE user_id = ?',
};

/** A row whose columns carry versions, for each of the caches that hold a part of it. It need not exist at first. */
export class VersionedRow {
  #isThere = false;
  #terms = 0;
  #counts = 0;
  /** Its last change was undone: the columns say neither what they said nor what they were to say. */
  #inDoubt = false;

  constructor(
    readonly kind: Kind,
    readonly id: number,
  ) {}

  /** Terms, counts, or both go up; a row that is not there is made. */
  next(random: SeededRandom): Change {
    const which =
      this.kind === 'user-coupons'
        ? 'terms'
        : this.#inDoubt
          ? 'both'
          : random.pick(['terms', 'counts', 'both'] as const);
    this.#inDoubt = false;
    if (which !== 'counts') this.#terms += 1;
    if (which !== 'terms') this.#counts += 1;
    const versions = [
      ...(which === 'counts' ? [] : [{ key: `${this.kind}:${this.id}`, version: this.#terms }]),
      ...(which === 'terms' ? [] : [{ key: `${this.kind}-counts:${this.id}`, version: this.#counts }]),
    ];
    const sql = (this.#isThere ? UPDATE : INSERT)[this.kind];
    const values = this.kind === 'user-coupons' ? [this.#terms, this.id] : [this.#terms, this.#counts, this.id];
    return { row: this, sql, values, versions };
  }

  /** Its last change was committed. */
  settled(): void {
    this.#isThere = true;
  }

  /** What the database says, after a commit whose outcome nobody knows. @returns versions by key */
  async read(mysql: Connection): Promise<ReadonlyMap<string, number>> {
    const [[row]] = await mysql.query<RowDataPacket[]>(SELECT[this.kind], [this.id]);
    this.#isThere = row !== undefined;
    this.#inDoubt = true;
    return new Map([
      [`${this.kind}:${this.id}`, Number(row?.['terms'] ?? 0)],
      [`${this.kind}-counts:${this.id}`, Number(row?.['counts'] ?? 0)],
    ]);
  }
}
