import { ACTIVITY_STATUS } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import type { Prisma, PrismaClient } from '@coupon/persistence';
import type { ArchiveLedger, ArchiveMark } from '../use-cases/archive-activities.use-case';

type Transaction = Prisma.TransactionClient;

interface IdRow {
  readonly id: unknown;
}

interface LockedRow {
  readonly drained: unknown;
  readonly archived: unknown;
  readonly due: unknown;
}

const CHUNK = 1_000;

/** drained_at is never older than the end of the activity, and a release on a drained activity sets it anew: the retention counts from it. */
export class MysqlArchiveLedger implements ArchiveLedger {
  constructor(
    private readonly prisma: PrismaClient,
    private readonly options: { readonly retentionMs: number },
  ) {}

  async due(after: ActivityId | null, limit: number): Promise<ActivityId[]> {
    return idsOf(
      await this.prisma.$queryRaw<IdRow[]>`
        SELECT id FROM flash_sale_activities
        WHERE archived_at IS NULL AND status = ${ACTIVITY_STATUS.ended} AND id > ${BigInt(after ?? 0)}
          AND drained_at <= CURRENT_TIMESTAMP(3) - INTERVAL ${this.retentionSeconds} SECOND
        ORDER BY id LIMIT ${limit}`,
    );
  }

  async archived(ids: readonly ActivityId[]): Promise<ActivityId[]> {
    const found: ActivityId[] = [];
    for (let at = 0; at < ids.length; at += CHUNK) {
      const rows = await this.prisma.flashSaleActivity.findMany({
        where: {
          id: { in: ids.slice(at, at + CHUNK).map(BigInt) },
          archivedAt: { not: null },
          drainedAt: { not: null },
        },
        select: { id: true },
      });
      found.push(...idsOf(rows));
    }
    return found;
  }

  async mark(id: ActivityId): Promise<ArchiveMark> {
    return this.prisma.$transaction(
      async (tx) => {
        // Held to the end: a release of one of its claims takes drained_at back under the same lock, before or after.
        const [row] = await tx.$queryRaw<LockedRow[]>`
          SELECT drained_at IS NOT NULL AS drained, archived_at IS NOT NULL AS archived,
            status = ${ACTIVITY_STATUS.ended} AND drained_at IS NOT NULL
              AND drained_at <= CURRENT_TIMESTAMP(3) - INTERVAL ${this.retentionSeconds} SECOND AS due
          FROM flash_sale_activities WHERE id = ${BigInt(id)} FOR UPDATE`;
        const lastSeq = await lastStoredSeq(tx, id);
        if (lastSeq === null) return refused('MySQL lacks an event');
        if (isTrue(row?.archived) && isTrue(row?.drained)) return { kind: 'marked', lastSeq };
        if (!isTrue(row?.due)) return refused('not ended, not drained or not long enough ago');
        const operations = await tx.operation.count({ where: { activityId: BigInt(id), finishedAt: null } });
        if (operations > 0) return refused('an operation is not finished');
        const parked = await tx.deadLetter.count({ where: { activityId: BigInt(id), replayedAt: null } });
        if (parked > 0) return refused('events lie in the dead-letter queue');
        await tx.$executeRaw`
          UPDATE flash_sale_activities SET archived_at = CURRENT_TIMESTAMP(3) WHERE id = ${BigInt(id)}`;
        return { kind: 'marked', lastSeq };
      },
      // Counting the events of a large sale takes its time.
      { timeout: 30_000, maxWait: 10_000 },
    );
  }

  async unmark(id: ActivityId): Promise<void> {
    await this.prisma.$executeRaw`
      UPDATE flash_sale_activities SET archived_at = NULL, drained_at = NULL
      WHERE id = ${BigInt(id)} AND archived_at IS NOT NULL`;
  }

  private get retentionSeconds(): number {
    return Math.ceil(this.options.retentionMs / 1_000);
  }
}

/** The highest number when MySQL has it and every one before it; null when one is missing. */
async function lastStoredSeq(tx: Transaction, id: ActivityId): Promise<number | null> {
  const [row] = await tx.$queryRaw<{ events: unknown; last_seq: unknown }[]>`
    SELECT COUNT(*) AS events, COALESCE(MAX(event_seq), 0) AS last_seq FROM claim_events WHERE activity_id = ${BigInt(id)}`;
  return Number(row?.events) === Number(row?.last_seq) ? Number(row?.last_seq) : null;
}

function refused(reason: string): ArchiveMark {
  return { kind: 'refused', reason };
}

function isTrue(value: unknown): boolean {
  return Number(value ?? 0) === 1;
}

function idsOf(rows: readonly IdRow[]): ActivityId[] {
  return rows.map(({ id }) => String(id) as ActivityId);
}
