import type { ActivityId } from '@coupon/domain';
import { activityKeys } from '@coupon/lua';
import type { ActivityStore, ClaimRedis, OutboxStream } from '@coupon/lua';
import type { PrismaClient } from '@coupon/persistence';
import type { ActivitySources } from '../use-cases/find-activities.use-case';
import type { PersistedEvent } from '../use-cases/persisted-marks';
import type { ActivityReading, ReconcileSources } from '../use-cases/reconcile-activity.use-case';

export interface ActivityAdapters {
  readonly redis: ClaimRedis;
  readonly store: ActivityStore;
  readonly outbox: OutboxStream;
  readonly prisma: PrismaClient;
}

const MAX_ACTIVITIES = 10_000;

export function activitySources({ store, prisma }: ActivityAdapters): ActivitySources {
  return {
    registered: () => store.activities(),
    undrained: async () => {
      const rows = await prisma.flashSaleActivity.findMany({
        where: { drainedAt: null, loadedAt: { not: null } },
        select: { id: true },
        orderBy: { id: 'desc' },
        take: MAX_ACTIVITIES,
      });
      return rows.map(({ id }) => String(id) as ActivityId);
    },
  };
}

export function reconcileSources({ redis, store, outbox, prisma }: ActivityAdapters): ReconcileSources {
  return {
    snapshot: async (activityId): Promise<ActivityReading | null> => {
      const snapshot = await store.snapshot(activityId);
      return snapshot === null ? null : { ...snapshot, persisted: snapshot.persistedEvents };
    },
    outbox: (activityId) => outbox.pending(activityId),
    unmarked: async (activityId, upTo, limit) => {
      const bitmap = await redis.getBuffer(activityKeys(activityId).persisted);
      return zeroBits(bitmap ?? Buffer.alloc(0), upTo, limit);
    },
    stored: async (activityId, seqs) => storedEvents(prisma, activityId, seqs),
    storedCount: (activityId, upTo) =>
      prisma.claimEvent.count({ where: { activityId: BigInt(activityId), eventSeq: { lte: BigInt(upTo) } } }),
    markDrained: (activityId, eventSeq) => markDrained({ store, prisma }, activityId, eventSeq),
  };
}

/**
 * Redis and MySQL have no transaction in common. So Redis is asked once more while the activity's row is held: a release that is numbered
 * before is seen here; one that is numbered after takes drained_at back under the same lock, and so after us.
 */
async function markDrained(
  { store, prisma }: Pick<ActivityAdapters, 'store' | 'prisma'>,
  activityId: ActivityId,
  eventSeq: number,
): Promise<boolean> {
  const id = BigInt(activityId);
  return prisma.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT id FROM flash_sale_activities WHERE id = ${id} FOR UPDATE`;
    const now = await store.snapshot(activityId);
    if (now?.eventSeq !== eventSeq) return false;
    // By the database's clock: the retention counts from here.
    const rows = await tx.$executeRaw`
      UPDATE flash_sale_activities SET drained_at = CURRENT_TIMESTAMP(3) WHERE id = ${id} AND drained_at IS NULL`;
    return rows === 1;
  });
}

/** Positions 1..upTo whose bit is not set, at most `limit`. Redis numbers the bits of a byte from its high end. */
export function zeroBits(bitmap: Uint8Array, upTo: number, limit: number): number[] {
  const found: number[] = [];
  for (let seq = 1; seq <= upTo && found.length < limit; seq += 1) {
    const byte = bitmap[seq >> 3] ?? 0;
    if (byte === 0xff) seq |= 7;
    else if ((byte & (0x80 >> (seq & 7))) === 0) found.push(seq);
  }
  return found;
}

async function storedEvents(
  prisma: PrismaClient,
  activityId: ActivityId,
  seqs: readonly number[],
): Promise<PersistedEvent[]> {
  if (seqs.length === 0) return [];
  const rows = await prisma.$queryRaw<{ event_seq: bigint; kind: number; quantity: number }[]>`
    SELECT e.event_seq, e.kind, e.quantity
    FROM JSON_TABLE(${JSON.stringify(seqs)}, '$[*]' COLUMNS (event_seq BIGINT PATH '$')) AS j
    STRAIGHT_JOIN claim_events e ON e.activity_id = ${BigInt(activityId)} AND e.event_seq = j.event_seq`;
  return rows.map(({ event_seq, kind, quantity }) => ({
    seq: Number(event_seq),
    units: Number(kind) === 1 ? Number(quantity) : -Number(quantity),
  }));
}
