import type { ActivityId } from '@coupon/domain';
import type { Prisma } from '../generated/client';

/** Sequence numbers from..to (both included) that claim_events lacks. */
export interface SequenceGap {
  readonly from: number;
  readonly to: number;
  /** When the next stored event happened, epoch ms: the missing ones are older. Null at the end of the ledger. */
  readonly nextStoredAtMs: number | null;
}

export interface MissingSequences {
  /** How many of 1..upTo are missing; exact also when `gaps` is cut off at its limit. */
  readonly count: number;
  readonly gaps: readonly SequenceGap[];
}

type Db = Pick<Prisma.TransactionClient, '$queryRaw'>;

interface GapRow {
  readonly gap_from: unknown;
  readonly gap_to: unknown;
  readonly next_at_ms: unknown;
}

/**
 * The event sequence numbers 1..upTo of an activity that MySQL does not have, as at most `limit` gaps in ascending order. Counts first:
 * a complete ledger costs one range count of the primary key; only an incomplete one is walked with a window function (one pass).
 */
export async function missingSequences(
  db: Db,
  activityId: ActivityId,
  upTo: number,
  limit: number,
): Promise<MissingSequences> {
  if (upTo < 1) return { count: 0, gaps: [] };
  const id = BigInt(activityId);
  const [stored] = await db.$queryRaw<{ events: unknown; last_seq: unknown }[]>`
    SELECT COUNT(*) AS events, COALESCE(MAX(event_seq), 0) AS last_seq
    FROM claim_events WHERE activity_id = ${id} AND event_seq BETWEEN 1 AND ${upTo}`;
  const count = upTo - Number(stored?.events ?? 0);
  if (count === 0) return { count, gaps: [] };
  const lastSeq = Number(stored?.last_seq ?? 0);
  const inner = count - (upTo - lastSeq);
  const gaps = inner === 0 ? [] : await innerGaps(db, id, lastSeq, limit);
  if (gaps.length < limit && lastSeq < upTo) gaps.push({ from: lastSeq + 1, to: upTo, nextStoredAtMs: null });
  return { count, gaps };
}

async function innerGaps(db: Db, id: bigint, lastSeq: number, limit: number): Promise<SequenceGap[]> {
  const rows = await db.$queryRaw<GapRow[]>`
    SELECT previous_seq + 1 AS gap_from, event_seq - 1 AS gap_to,
      CAST(UNIX_TIMESTAMP(at) * 1000 AS SIGNED) AS next_at_ms
    FROM (
      SELECT event_seq, at, LAG(event_seq, 1, 0) OVER (ORDER BY event_seq) AS previous_seq
      FROM claim_events WHERE activity_id = ${id} AND event_seq BETWEEN 1 AND ${lastSeq}
    ) numbered
    WHERE event_seq > previous_seq + 1
    ORDER BY event_seq LIMIT ${limit}`;
  return rows.map((row) => ({
    from: Number(row.gap_from),
    to: Number(row.gap_to),
    nextStoredAtMs: Number(row.next_at_ms),
  }));
}
