import type { PrismaClient } from '@coupon/persistence';
import type { DeadLetterEntry, DeadLetterIndex, StoredDeadLetter } from '../use-cases/dead-letters';

/** Largest body the table keeps; the queue has the whole. */
const MAX_BODY_CHARACTERS = 1_000_000;

export class MysqlDeadLetterIndex implements DeadLetterIndex {
  constructor(private readonly prisma: PrismaClient) {}

  async record(entry: DeadLetterEntry): Promise<void> {
    const values = {
      queue: entry.queue,
      activityId: entry.activityId === null ? null : BigInt(entry.activityId),
      eventSeq: entry.eventSeq === null ? null : BigInt(entry.eventSeq),
      claimId: entry.claimId,
      reasonCode: entry.reasonCode,
      reason: entry.reason,
      body: entry.body.slice(0, MAX_BODY_CHARACTERS),
    };
    const { eventId } = entry;
    // Not the server's own upsert: Prisma emulates it by a read and a write, and two workers may park the same message at once.
    await this.prisma.$executeRaw`
      INSERT INTO dead_letters (event_id, queue, activity_id, event_seq, claim_id, reason_code, reason, body)
      VALUES (${eventId}, ${values.queue}, ${values.activityId}, ${values.eventSeq}, ${values.claimId},
              ${values.reasonCode}, ${values.reason}, ${values.body})
      ON DUPLICATE KEY UPDATE reason_code = VALUES(reason_code), reason = VALUES(reason), created_at = CURRENT_TIMESTAMP(3),
                              replayed_at = NULL`;
  }

  async markReplayed({ eventId, parkedAt }: Pick<StoredDeadLetter, 'eventId' | 'parkedAt'>): Promise<void> {
    await this.prisma.$executeRaw`
      UPDATE dead_letters SET replayed_at = CURRENT_TIMESTAMP(3) WHERE event_id = ${eventId} AND created_at = ${parkedAt}`;
  }

  async list({ limit, includeReplayed }: { limit: number; includeReplayed: boolean }): Promise<StoredDeadLetter[]> {
    const rows = await this.prisma.deadLetter.findMany({
      where: includeReplayed ? {} : { replayedAt: null },
      orderBy: { id: 'desc' },
      take: limit,
    });
    return rows.map(toEntry);
  }

  async find(eventId: string): Promise<StoredDeadLetter | null> {
    const row = await this.prisma.deadLetter.findUnique({ where: { eventId } });
    return row === null ? null : toEntry(row);
  }

  /** Parked messages that nobody has replayed, and when the oldest of them was parked. */
  async waiting(): Promise<{ count: number; oldest: Date | null }> {
    const found = await this.prisma.deadLetter.aggregate({
      where: { replayedAt: null },
      _count: true,
      _min: { createdAt: true },
    });
    return { count: found._count, oldest: found._min.createdAt };
  }
}

interface Row {
  readonly eventId: string;
  readonly queue: string;
  readonly activityId: bigint | null;
  readonly eventSeq: bigint | null;
  readonly claimId: string | null;
  readonly reasonCode: string;
  readonly reason: string;
  readonly body: string;
  readonly createdAt: Date;
  readonly replayedAt: Date | null;
}

function toEntry(row: Row): StoredDeadLetter {
  return {
    eventId: row.eventId,
    queue: row.queue,
    activityId: row.activityId === null ? null : String(row.activityId),
    eventSeq: row.eventSeq === null ? null : Number(row.eventSeq),
    claimId: row.claimId,
    reasonCode: row.reasonCode,
    reason: row.reason,
    body: row.body,
    parkedAt: row.createdAt,
    replayedAt: row.replayedAt,
  };
}
