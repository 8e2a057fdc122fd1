import { randomFillSync } from 'node:crypto';
import { encodeClaimId } from '@coupon/domain';
import type { ActivityId, TemplateId, UserId } from '@coupon/domain';
import { ActivityStore, MAX_CLAIMS_PER_BATCH, claimKeys, claimUnits, readRunId } from '@coupon/lua';
import type { Redis } from 'ioredis';
import type { Connection, ResultSetHeader } from 'mysql2/promise';

export interface Sale {
  readonly activityId: ActivityId;
  readonly templateId: TemplateId;
}

const HOUR_MS = 3_600_000;
/** Script calls under way at once. */
const LANES = 4;

/** A published template and a running activity of it, in MySQL and in Redis. */
export async function openSale(mysql: Connection, redis: Redis, total: number): Promise<Sale> {
  const nowMs = Date.now();
  const [template] = await mysql.query<ResultSetHeader>(
    `INSERT INTO coupon_templates (name, type, discount_type, discount_value, total_count, allocated_count,
       valid_start_time, valid_end_time, valid_days_after_claim) VALUES ('bench', 1, 1, 10, ?, ?, ?, ?, 30)`,
    [total, total, new Date(nowMs - HOUR_MS), new Date(nowMs + 1_000 * HOUR_MS)],
  );
  const [activity] = await mysql.query<ResultSetHeader>(
    `INSERT INTO flash_sale_activities (coupon_id, name, total_count, start_time, end_time, status, loaded_at)
     VALUES (?, 'bench', ?, ?, ?, 2, CURRENT_TIMESTAMP(3))`,
    [template.insertId, total, new Date(nowMs - HOUR_MS), new Date(nowMs + 24 * HOUR_MS)],
  );
  const sale = {
    activityId: String(activity.insertId) as ActivityId,
    templateId: String(template.insertId) as TemplateId,
  };
  const store = new ActivityStore(redis);
  await store.prewarm({
    ...sale,
    startMs: nowMs - HOUR_MS,
    endMs: nowMs + 24 * HOUR_MS,
    perUserLimit: 1,
    total,
    epoch: 1,
    userRatePerSecond: 0,
  });
  await store.setState(sale.activityId, { to: 'open', epoch: 1 });
  return sale;
}

/** Claims every unit through the real script, one per user, so that the outbox holds what a sale leaves there. */
export async function sellOut(redis: Redis, { activityId }: Sale, total: number): Promise<void> {
  const keys = claimKeys(activityId);
  const runId = await readRunId(redis);
  let next = 0;
  const random = new Uint8Array(10);
  const lane = async (): Promise<void> => {
    while (next < total) {
      const from = next;
      next = Math.min(total, from + MAX_CLAIMS_PER_BATCH);
      const claims = Array.from({ length: next - from }, (_, n) => ({
        // Scattered like the ids of real users, so that the indexes see no rising sequence.
        userId: String(1_000_000_000 + (((from + n) * 2_654_435_761) % 4_294_967_296)) as UserId,
        claimId: encodeClaimId(Date.now(), randomFillSync(random)),
        quantity: 1,
        idempotencyKey: '',
      }));
      const reply = await claimUnits(redis, keys, runId, claims);
      if (reply.kind !== 'decided' || reply.outcomes.some(({ kind }) => kind !== 'won')) {
        throw new Error(`a claim of the benchmark was not accepted: ${reply.kind}`);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}
