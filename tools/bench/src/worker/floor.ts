import { randomFillSync } from 'node:crypto';
import { couponSn, encodeClaimId } from '@coupon/domain';
import type { Connection } from 'mysql2/promise';
import type { Sale } from './sale';

const ROWS_PER_INSERT = 500;

/** Tables with the columns and indexes of the real ones, for the floor to write into. */
export async function createFloorTables(mysql: Connection): Promise<void> {
  for (const table of ['user_coupons', 'claim_events']) {
    await mysql.query(`DROP TABLE IF EXISTS floor_${table}`);
    await mysql.query(`CREATE TABLE floor_${table} LIKE ${table}`);
  }
  await mysql.query('ALTER TABLE floor_user_coupons ADD FOREIGN KEY (coupon_id) REFERENCES coupon_templates (id)');
}

/**
 * The least that any worker has to do: the same rows by plain multi-row INSERT, from one script, nothing read, nothing checked, nothing
 * acknowledged. One transaction for as many rows as the worker's batch. @returns coupons per second.
 */
export async function runFloor(mysql: Connection, sale: Sale, total: number): Promise<number> {
  for (const table of ['floor_user_coupons', 'floor_claim_events']) await mysql.query(`TRUNCATE TABLE ${table}`);
  const random = new Uint8Array(10);
  const rows = Array.from({ length: total }, (_, n) => {
    const claimId = encodeClaimId(Date.now(), randomFillSync(random));
    return {
      seq: n + 1,
      userId: 1_000_000_000 + ((n * 2_654_435_761) % 4_294_967_296),
      claimId,
      sn: couponSn(claimId, 1),
    };
  });
  const { activityId: a, templateId: t } = sale;
  const startedMs = performance.now();
  for (let from = 0; from < total; from += ROWS_PER_INSERT) {
    const batch = rows.slice(from, from + ROWS_PER_INSERT);
    const coupons = batch.map(
      ({ userId, sn, claimId }) =>
        `(${t},${userId},'${sn}',1,'2026-11-21 12:00:00.123','2026-11-21 12:00:00.123','2026-12-21 12:00:00.123',${a},'${claimId}',1,'flash_sale')`,
    );
    const events = batch.map(
      ({ seq, userId, claimId }) => `(${a},${seq},'${claimId}',${userId},1,1,1,NULL,'2026-11-21 12:00:00.123')`,
    );
    await mysql.query('BEGIN');
    await mysql.query(
      `INSERT INTO floor_user_coupons (coupon_id, user_id, coupon_sn, status, obtain_time, valid_start_time, valid_end_time,
         activity_id, claim_id, slot, source) VALUES ${coupons.join(',')}`,
    );
    await mysql.query(
      `INSERT INTO floor_claim_events (activity_id, event_seq, claim_id, user_id, quantity, kind, epoch, idempotency_key, at)
       VALUES ${events.join(',')}`,
    );
    await mysql.query('COMMIT');
  }
  return total / ((performance.now() - startedMs) / 1000);
}
