import type { ActivityId } from '@coupon/domain';
import type { PrismaClient } from '../generated/client';
import { missingSequences } from './missing-sequences';
import type { MissingSequences } from './missing-sequences';

/** What MySQL knows of an activity's claims, all of it from one snapshot of the database. */
export interface Ledger {
  readonly totalCount: number;
  readonly successCount: number;
  readonly loadedAtMs: number | null;
  readonly drainedAtMs: number | null;
  readonly unfinishedOperations: number;
  /** Units of all stored claims and of all stored releases. */
  readonly claimedUnits: number;
  readonly releasedUnits: number;
  /** Claims minus releases of the events 1..upTo. */
  readonly persistedUnits: number;
  /** Highest stored sequence number, also beyond upTo. */
  readonly lastSeq: number;
  /** Rows of user_coupons: all, not void, and void without their release event stored yet. */
  readonly couponRows: number;
  readonly liveRows: number;
  readonly voidRowsUnrecorded: number;
  /** Sequence numbers in the index of the dead-letter queues, and those taken out of it a moment ago. */
  readonly deadLettered: readonly number[];
  readonly justReplayed: readonly number[];
  readonly missing: MissingSequences;
}

export interface ReadLedgerOptions {
  /** Sequence numbers 1..upTo must be there; null: as far as MySQL itself knows. */
  readonly upTo: number | null;
  readonly maxGaps: number;
  /** A replay younger than this counts as being on its way through the queue. */
  readonly replayGraceMs: number;
}

const MAX_DEAD_LETTERS = 10_000;

/** @returns null when the activity does not exist. */
export async function readLedger(
  prisma: PrismaClient,
  activityId: ActivityId,
  options: ReadLedgerOptions,
): Promise<Ledger | null> {
  const id = BigInt(activityId);
  return prisma.$transaction(
    async (db) => {
      const activity = await db.flashSaleActivity.findUnique({ where: { id } });
      if (!activity) return null;
      const upTo = options.upTo ?? Number.MAX_SAFE_INTEGER;
      const [events] = await db.$queryRaw<Record<'claimed' | 'released' | 'persisted' | 'last_seq', unknown>[]>`
        SELECT COALESCE(SUM(IF(kind = 1, quantity, 0)), 0) AS claimed,
          COALESCE(SUM(IF(kind = 2, quantity, 0)), 0) AS released,
          COALESCE(SUM(IF(event_seq <= ${upTo}, IF(kind = 1, quantity, -quantity), 0)), 0) AS persisted,
          COALESCE(MAX(event_seq), 0) AS last_seq
        FROM claim_events WHERE activity_id = ${id}`;
      // A void row has no slot: both counts come from the unique index alone.
      const [coupons] = await db.$queryRaw<Record<'all_rows' | 'live_rows', unknown>[]>`
        SELECT COUNT(*) AS all_rows, COUNT(slot) AS live_rows FROM user_coupons WHERE activity_id = ${id}`;
      const [voided] = await db.$queryRaw<{ unrecorded: unknown }[]>`
        SELECT COUNT(*) AS unrecorded FROM user_coupons c
        WHERE c.activity_id = ${id} AND c.slot IS NULL
          AND NOT EXISTS (SELECT 1 FROM claim_events e WHERE e.claim_id = c.claim_id AND e.kind = 2)`;
      const unfinishedOperations = await db.operation.count({ where: { activityId: id, finishedAt: null } });
      const dead = await db.$queryRaw<{ event_seq: unknown; replayed: unknown }[]>`
        SELECT event_seq, replayed_at IS NOT NULL AS replayed FROM dead_letters
        WHERE activity_id = ${id} AND event_seq IS NOT NULL AND (replayed_at IS NULL
          OR replayed_at > CURRENT_TIMESTAMP(3) - INTERVAL ${Math.ceil(options.replayGraceMs / 1000)} SECOND)
        LIMIT ${MAX_DEAD_LETTERS}`;
      const lastSeq = Number(events?.last_seq);
      const seqs = (replayed: boolean): number[] =>
        dead.filter((row) => (Number(row.replayed) === 1) === replayed).map((row) => Number(row.event_seq));
      return {
        totalCount: activity.totalCount,
        successCount: activity.successCount,
        loadedAtMs: activity.loadedAt?.getTime() ?? null,
        drainedAtMs: activity.drainedAt?.getTime() ?? null,
        unfinishedOperations,
        claimedUnits: Number(events?.claimed),
        releasedUnits: Number(events?.released),
        persistedUnits: Number(events?.persisted),
        lastSeq,
        couponRows: Number(coupons?.all_rows),
        liveRows: Number(coupons?.live_rows),
        voidRowsUnrecorded: Number(voided?.unrecorded),
        deadLettered: seqs(false),
        justReplayed: seqs(true),
        missing: await missingSequences(db, activityId, options.upTo ?? lastSeq, options.maxGaps),
      };
    },
    { isolationLevel: 'RepeatableRead', maxWait: 5_000, timeout: 60_000 },
  );
}
