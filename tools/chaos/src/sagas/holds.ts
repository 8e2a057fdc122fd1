import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { SagaStage } from './stage';

/** A call of a branch: the work of one step of a saga, or its way back. */
export interface BranchPoint {
  readonly saga: 'checkout' | 'settle' | 'cancel' | 'refund' | 'reacquire';
  /** Position of the step, of an order with coupons. */
  readonly branchId: '01' | '02' | '03' | '04';
  readonly op: 'action' | 'compensate';
}

/** Steps on the database `coupon`; all others are on `shop`. */
const ON_COUPON: Readonly<Record<BranchPoint['saga'], readonly string[]>> = {
  checkout: ['01'],
  settle: ['01'],
  cancel: ['01'],
  refund: ['01', '02'],
  reacquire: ['01', '03'],
};

const POINTS: readonly [BranchPoint['saga'], BranchPoint['op'], readonly BranchPoint['branchId'][]][] = [
  ['checkout', 'action', ['01', '02', '03', '04']],
  ['checkout', 'compensate', ['01', '02', '03', '04']],
  ['settle', 'action', ['01', '02']],
  ['cancel', 'action', ['01', '02', '03']],
  ['refund', 'action', ['01', '02', '03', '04']],
  ['reacquire', 'action', ['01', '02', '03', '04']],
];

/** Every branch of every saga. */
export const BRANCH_POINTS: readonly BranchPoint[] = POINTS.flatMap(([saga, op, ids]) =>
  ids.map((branchId) => ({ saga, op, branchId })),
);

/** Between two looks at who waits, in milliseconds. */
export const LOOK_INTERVAL_MS = 250;
const NEIGHBOUR = '00';

interface Hold {
  readonly point: BranchPoint;
  readonly connection: PoolConnection;
  readonly table: string;
  readonly key: readonly [gid: string, branchId: string, op: string];
}

/**
 * Stops branches inside their transactions without any help of the service: the barrier's row of a call is written here first, in a
 * transaction that stays open, and the call waits for it. Its work is not committed then, and cannot be before `release`.
 */
export class BarrierHolds {
  readonly #holds: Hold[] = [];

  constructor(private readonly stage: SagaStage) {}

  get count(): number {
    return this.#holds.length;
  }

  async place(point: BranchPoint, gid: string): Promise<void> {
    const { stage } = this;
    const { saga, branchId, op } = point;
    const database = ON_COUPON[saga].includes(branchId) ? stage.couponName : stage.shopName;
    const table = `${database}.barrier`;
    const insert = `INSERT INTO ${table} (trans_type, gid, branch_id, op, barrier_id, reason) VALUES ('saga', ?, ?, ?, ?, 'held')`;
    const key = [gid, branchId, op] as const;
    // Whoever waits for a row locks the gap before it; with a neighbour there, nobody else has business in the gap.
    await stage.pool.query(insert, [...key, NEIGHBOUR]);
    const connection = await stage.pool.getConnection();
    await connection.beginTransaction();
    await connection.query(insert, [...key, '01']);
    this.#holds.push({ point, connection, table, key });
  }

  /**
   * Held branches for which no call has arrived at its barrier yet, as `saga branch op`. Not to be asked more often than `LOOK_INTERVAL_MS`:
   * the server renews what it answers only when nobody has asked for 0.1 s, and would answer the same for ever.
   */
  async missing(): Promise<string[]> {
    const rows = await this.stage.query<{ statement: string | null }>(
      "SELECT trx_query AS statement FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'",
    );
    return this.#holds
      .filter(({ key }) => !rows.some(({ statement }) => key.every((part) => statement?.includes(`'${part}'`))))
      .map(({ point: { saga, branchId, op } }) => `${saga} ${branchId} ${op}`);
  }

  /** Lets all of them go on. */
  async release(): Promise<void> {
    await Promise.all(this.#holds.map(({ connection }) => connection.rollback()));
    for (const { table, key } of this.#holds) {
      await this.stage.pool.query(
        `DELETE FROM ${table} WHERE gid = ? AND branch_id = ? AND op = ? AND barrier_id = '${NEIGHBOUR}'`,
        [...key],
      );
    }
  }

  /** How many of the calls that were held have committed since. */
  async committed(): Promise<number> {
    let count = 0;
    for (const { table, key } of this.#holds) {
      const [rows] = await this.stage.pool.query<RowDataPacket[]>(
        `SELECT 1 FROM ${table} WHERE gid = ? AND branch_id = ? AND op = ? AND barrier_id = '01'`,
        [...key],
      );
      count += rows.length;
    }
    return count;
  }

  close(): void {
    for (const { connection } of this.#holds.splice(0)) connection.release();
  }
}
