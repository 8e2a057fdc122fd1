import { ACTIVITY_STATUS } from '@coupon/domain';
import type { ActivityId, ActivityState, ClaimId, TemplateId, UserId } from '@coupon/domain';
import type { PersistedEvent, RestoredClaim } from '@coupon/lua';
import type { Prisma } from '@coupon/persistence';
import type { PrismaClient } from '@coupon/persistence';
import type { BeginResult, Loss, RestoreLedger, RestorePlan } from '../use-cases/restore-activity.use-case';
import type { ActivityLedger } from '../use-cases/verify-claim-redis.use-case';

const CHUNK = 5_000;
const KIND = 'restore';

type Transaction = Prisma.TransactionClient;

interface UnfinishedOperation {
  readonly kind: string;
  readonly state: string;
}

interface CouponRow {
  readonly user_id: unknown;
  readonly claim_id: string;
  readonly slot: number | null;
  readonly event_seq: unknown;
  readonly idempotency_key: string | null;
  /** The release of this claim is stored. */
  readonly released: unknown;
}

/** What a restore reads and writes in MySQL. The operation row carries the epoch, so that a restore that died is continued, not repeated. */
export class MysqlRestoreLedger implements RestoreLedger {
  constructor(
    private readonly prisma: PrismaClient,
    private readonly options: { readonly userRatePerSecond: number; readonly chunk?: number },
  ) {}

  async activity(id: ActivityId): Promise<ActivityLedger | null> {
    const row = await this.prisma.flashSaleActivity.findUnique({ where: { id: BigInt(id) } });
    if (row === null) return null;
    const operations = await this.unfinished(this.prisma, id);
    return {
      epoch: row.epoch,
      totalCount: row.totalCount,
      state: stateOf(row),
      lastSeq: await this.lastSeq(this.prisma, id),
      expectedInRedis: row.loadedAt !== null && row.drainedAt === null,
      archived: row.archivedAt !== null && row.drainedAt !== null,
      loading: operations.some(isFirstLoad),
      changing: operations.some(({ kind }) => kind !== KIND),
      restoring: operations.some(({ kind }) => kind === KIND),
    };
  }

  /** Activities with a restore that was begun and not finished. */
  async unfinishedRestores(): Promise<ReadonlySet<ActivityId>> {
    const rows = await this.prisma.operation.findMany({
      where: { kind: KIND, finishedAt: null, activityId: { not: null } },
      select: { activityId: true },
    });
    return new Set(rows.map(({ activityId }) => String(activityId) as ActivityId));
  }

  async begin(id: ActivityId, loss: Loss): Promise<BeginResult> {
    return this.prisma.$transaction(
      async (tx): Promise<BeginResult> => {
        const [locked] = await tx.$queryRaw<{ epoch: number; archived: unknown }[]>`
          SELECT epoch, archived_at IS NOT NULL AND drained_at IS NOT NULL AS archived
          FROM flash_sale_activities WHERE id = ${BigInt(id)} FOR UPDATE`;
        const operations = await this.unfinished(tx, id);
        if (locked === undefined || Number(locked.archived) === 1 || operations.some(isFirstLoad))
          return { kind: 'superseded' };
        const parked = await tx.deadLetter.count({ where: { activityId: BigInt(id), replayedAt: null } });
        if (parked > 0) return { kind: 'parked', count: parked };
        const resumed = operations.some(({ kind }) => kind === KIND);
        // Seen under way and not any more: another worker has finished it between our look and the lock.
        if (!resumed && (loss.restoring || locked.epoch !== loss.epoch)) return { kind: 'superseded' };
        const epoch = resumed ? locked.epoch : locked.epoch + 1;
        if (!resumed) await this.open(tx, id, epoch);
        return { kind: 'plan', plan: await this.plan(tx, id, epoch) };
      },
      // Counting the coupons of a large sale takes its time.
      { timeout: 60_000, maxWait: 10_000 },
    );
  }

  async state(id: ActivityId): Promise<ActivityState> {
    return stateOf(await this.prisma.flashSaleActivity.findUniqueOrThrow({ where: { id: BigInt(id) } }));
  }

  private async open(tx: Transaction, id: ActivityId, epoch: number): Promise<void> {
    await tx.operation.create({
      data: {
        operationId: `${KIND}-${id}-${epoch}`,
        kind: KIND,
        activityId: BigInt(id),
        activeKey: `${KIND}:${id}`,
        state: 'started',
        payload: { epoch },
      },
    });
    await tx.flashSaleActivity.update({ where: { id: BigInt(id) }, data: { epoch } });
  }

  private async plan(tx: Transaction, id: ActivityId, epoch: number): Promise<RestorePlan> {
    const row = await tx.flashSaleActivity.findUniqueOrThrow({ where: { id: BigInt(id) } });
    const [live] = await tx.$queryRaw<{ units: unknown }[]>`
      SELECT COUNT(*) AS units FROM user_coupons c
      WHERE c.activity_id = ${BigInt(id)} AND (c.slot IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM claim_events r WHERE r.claim_id = c.claim_id AND r.kind = 2))`;
    return {
      activity: {
        activityId: id,
        templateId: String(row.couponId) as TemplateId,
        startMs: row.startTime.getTime(),
        endMs: row.endTime.getTime(),
        perUserLimit: row.perUserLimit,
        total: row.totalCount,
        epoch,
        userRatePerSecond: this.options.userRatePerSecond,
        hiddenPath: row.hiddenPath,
      },
      claimed: Number(live?.units ?? 0),
      eventSeq: await this.lastSeq(tx, id),
    };
  }

  private unfinished(db: Pick<Transaction, 'operation'>, id: ActivityId): Promise<UnfinishedOperation[]> {
    return db.operation.findMany({
      where: { activityId: BigInt(id), finishedAt: null },
      select: { kind: true, state: true },
    });
  }

  async *claims(id: ActivityId): AsyncGenerator<readonly RestoredClaim[]> {
    let size = this.options.chunk ?? CHUNK;
    let afterUser = 0n;
    for (;;) {
      const rows = await this.prisma.$queryRaw<CouponRow[]>`
        SELECT c.user_id, c.claim_id, c.slot, e.event_seq, e.idempotency_key, r.claim_id IS NOT NULL AS released
        FROM user_coupons c
        JOIN claim_events e ON e.claim_id = c.claim_id AND e.activity_id = c.activity_id AND e.kind = 1
        LEFT JOIN claim_events r ON r.claim_id = c.claim_id AND r.activity_id = c.activity_id AND r.kind = 2
        WHERE c.activity_id = ${BigInt(id)} AND c.user_id > ${afterUser}
        ORDER BY c.user_id LIMIT ${size}`;
      if (rows.length === 0) return;
      // A chunk that is full may have cut its last user in two: that one is read again with the next chunk.
      const lastUser = String(rows[rows.length - 1]?.user_id);
      const whole = rows.length < size ? rows : rows.filter((row) => String(row.user_id) !== lastUser);
      if (whole.length === 0) {
        // One user alone fills the chunk, by many claims that were given back.
        size *= 2;
        continue;
      }
      yield groupClaims(whole);
      if (rows.length < size) return;
      afterUser = BigInt(String(whole[whole.length - 1]?.user_id));
    }
  }

  async *events(id: ActivityId): AsyncGenerator<readonly PersistedEvent[]> {
    let after = 0;
    for (;;) {
      const rows = await this.prisma.$queryRaw<{ event_seq: unknown; kind: number; quantity: number }[]>`
        SELECT event_seq, kind, quantity FROM claim_events
        WHERE activity_id = ${BigInt(id)} AND event_seq > ${after} ORDER BY event_seq LIMIT ${CHUNK}`;
      if (rows.length === 0) return;
      yield rows.map((row) => ({
        seq: Number(row.event_seq),
        units: Number(row.kind) === 1 ? Number(row.quantity) : -Number(row.quantity),
      }));
      after = Number(rows[rows.length - 1]?.event_seq);
    }
  }

  async finish(id: ActivityId, epoch: number): Promise<void> {
    await this.prisma.operation.updateMany({
      where: { operationId: `${KIND}-${id}-${epoch}`, finishedAt: null },
      data: { state: 'done', activeKey: null, finishedAt: new Date() },
    });
  }

  /** Parked events count: their numbers are taken, and they come back with a replay. */
  private async lastSeq(db: Pick<Transaction, '$queryRaw'>, id: ActivityId): Promise<number> {
    const [row] = await db.$queryRaw<{ seq: unknown }[]>`
      SELECT GREATEST(
        COALESCE((SELECT MAX(event_seq) FROM claim_events WHERE activity_id = ${BigInt(id)}), 0),
        COALESCE((SELECT MAX(event_seq) FROM dead_letters WHERE activity_id = ${BigInt(id)}), 0)) AS seq`;
    return Number(row?.seq ?? 0);
  }
}

/** The states of coupon-admin's operations before they have touched Redis. */
function isFirstLoad({ kind, state }: UnfinishedOperation): boolean {
  return (kind === 'prewarm' || kind === 'start') && state === 'created';
}

function stateOf(row: { status: number; pausedAt: Date | null }): ActivityState {
  if (row.status === ACTIVITY_STATUS.ended) return 'ended';
  return row.pausedAt === null ? 'open' : 'paused';
}

/**
 * Rows of whole users -> claims. A void coupon has no slot. If its release is stored, the claim was given back. If not, an operator's release
 * was cut off between MySQL and Redis: the claim comes back as reserved, on slots nobody else of the user has, so that the
 * release can be carried through and gets its event.
 */
function groupClaims(rows: readonly CouponRow[]): RestoredClaim[] {
  const claims = new Map<string, RestoredClaim & { readonly slots: number[] }>();
  const taken = new Set(rows.flatMap((row) => (row.slot === null ? [] : [`${String(row.user_id)} ${row.slot}`])));
  const freeSlot = (userId: string): number => {
    for (let slot = 1; ; slot += 1) {
      const name = `${userId} ${slot}`;
      if (taken.has(name)) continue;
      taken.add(name);
      return slot;
    }
  };
  for (const row of rows) {
    const userId = String(row.user_id);
    const released = Number(row.released) === 1;
    const claim = claims.get(row.claim_id) ?? {
      userId: userId as UserId,
      claimId: row.claim_id as ClaimId,
      eventSeq: Number(row.event_seq),
      slots: [],
      idempotencyKey: row.idempotency_key ?? '',
      released,
    };
    if (!released) claim.slots.push(row.slot ?? freeSlot(userId));
    claims.set(row.claim_id, claim);
  }
  return [...claims.values()];
}
