import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { encodeClaimId } from '@coupon/domain';
import type { ActivityId, ClaimId, TemplateId, UserId } from '@coupon/domain';
import {
  ActivityStore,
  OutboxStream,
  activityKeys,
  advanceEpoch,
  claimKeys,
  claimUnits,
  createClaimRedis,
  markPersisted,
} from '@coupon/lua';
import type { ClaimOutcome, ClaimRedis } from '@coupon/lua';
import { EMBEDDED_MIGRATIONS, applyMigrations, createPrisma } from '@coupon/persistence';
import type { PrismaClient } from '@coupon/persistence';
import { useMysqlDatabase, useRedisDatabase } from '@coupon/testing';
import { MysqlRestoreLedger } from '../../src/adapters/mysql-restore-ledger';
import { RestoreActivity } from '../../src/use-cases/restore-activity.use-case';
import { VerifyClaimRedis } from '../../src/use-cases/verify-claim-redis.use-case';
import type { VerifyClaimRedisOptions } from '../../src/use-cases/verify-claim-redis.use-case';

const HOUR_MS = 3_600_000;
export const logger = pino({ level: 'silent' });

/** A loss that was found while MySQL was at the first epoch. */
export const SEEN = { epoch: 1, restoring: false };

/** MySQL and Redis of a worker that verifies a restarted Redis, and short words for what the specs do all the time. */
export interface RestartFixture {
  readonly prisma: PrismaClient;
  readonly redis: ReturnType<typeof createClaimRedis>;
  readonly store: ActivityStore;
  /** What the verifier is told of the queue; true before each test. */
  pipelineEmpty: boolean;
  verifier(over?: Partial<VerifyClaimRedisOptions>): VerifyClaimRedis;
  /** A running activity in MySQL and in Redis. */
  running(total: number, perUserLimit: number, hiddenPath?: boolean): Promise<ActivityId>;
  claim(client: ClaimRedis, id: ActivityId, user: number, quantity?: number, key?: string): Promise<ClaimOutcome>;
  /** What relay and consumer do with the outbox, in the fewest words. */
  persistOutbox(id: ActivityId): Promise<void>;
  /** Redis was started anew since the activity was opened. */
  anotherRun(id: ActivityId): Promise<unknown>;
}

export function useRestart(): RestartFixture {
  const database = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }) });
  const redisDatabase = useRedisDatabase();
  let current: Pick<RestartFixture, 'prisma' | 'redis' | 'store'> | undefined;
  const need = (): NonNullable<typeof current> => {
    if (current === undefined) throw new Error('used before beforeAll');
    return current;
  };
  beforeAll(async () => {
    const redis = createClaimRedis(redisDatabase.url);
    await redis.connect();
    current = { prisma: createPrisma(database.url), redis, store: new ActivityStore(redis) };
  });
  afterAll(async () => {
    current?.redis.disconnect();
    await current?.prisma.$disconnect();
  });
  beforeEach(() => {
    fixture.pipelineEmpty = true;
  });
  const fixture: RestartFixture = {
    get prisma() {
      return need().prisma;
    },
    get redis() {
      return need().redis;
    },
    get store() {
      return need().store;
    },
    pipelineEmpty: true,
    verifier: (over) => verifier(fixture, over),
    running: (total, perUserLimit, hiddenPath) => running(fixture, total, perUserLimit, hiddenPath),
    claim: (client, id, user, quantity, key) => claim(fixture, client, id, user, quantity, key),
    persistOutbox: (id) => persistOutbox(fixture, id),
    anotherRun: (id) => need().redis.hset(activityKeys(id).activity, 'run_id', 'an-earlier-run'),
  };
  return fixture;
}

function verifier(fixture: RestartFixture, over: Partial<VerifyClaimRedisOptions> = {}): VerifyClaimRedis {
  const { prisma, redis, store } = fixture;
  const ledger = new MysqlRestoreLedger(prisma, { userRatePerSecond: 0, chunk: 3 });
  const restore = new RestoreActivity({
    store,
    outbox: new OutboxStream(redis),
    ledger,
    markPersisted: (id, events) => markPersisted(redis, id, events),
    logger,
  });
  return new VerifyClaimRedis({
    store,
    ledger: (id) => ledger.activity(id),
    pipelineEmptySince: () => Promise.resolve(fixture.pipelineEmpty),
    restore,
    advanceEpoch: (id, to) => advanceEpoch(redis, id, to),
    finishRestore: (id, epoch) => ledger.finish(id, epoch),
    restoreGraceMs: 0,
    nowMs: () => Promise.resolve(Date.now()),
    logger,
    ...over,
  });
}

async function running(
  { prisma, store }: RestartFixture,
  total: number,
  perUserLimit: number,
  hiddenPath = false,
): Promise<ActivityId> {
  const now = Date.now();
  const template = await prisma.couponTemplate.create({
    data: {
      name: 'restore',
      type: 1,
      discountType: 1,
      discountValue: '5.00',
      totalCount: 100,
      perUserLimit,
      validStartTime: new Date(now),
      validEndTime: new Date(now + HOUR_MS),
      status: 1,
    },
  });
  const activity = await prisma.flashSaleActivity.create({
    data: {
      couponId: template.id,
      name: 'restore',
      totalCount: total,
      perUserLimit,
      startTime: new Date(now - HOUR_MS),
      endTime: new Date(now + HOUR_MS),
      status: 2,
      loadedAt: new Date(now),
      hiddenPath,
    },
  });
  const id = String(activity.id) as ActivityId;
  await store.prewarm({
    activityId: id,
    templateId: String(template.id) as TemplateId,
    startMs: now - HOUR_MS,
    endMs: now + HOUR_MS,
    perUserLimit,
    total,
    epoch: 1,
    userRatePerSecond: 0,
    hiddenPath,
  });
  await store.setState(id, { to: 'open', epoch: 1 });
  return id;
}

async function claim(
  { store }: RestartFixture,
  client: ClaimRedis,
  id: ActivityId,
  user: number,
  quantity = 1,
  key = '',
): Promise<ClaimOutcome> {
  const claimId = encodeClaimId(Date.now(), randomBytes(10));
  const request = { userId: String(user) as UserId, claimId, quantity, idempotencyKey: key };
  const reply = await claimUnits(client, claimKeys(id), await store.runId(id), [request]);
  const outcome = reply.kind === 'decided' ? reply.outcomes[0] : undefined;
  if (outcome === undefined) throw new Error(`refused: ${reply.kind}`);
  return outcome;
}

async function persistOutbox({ prisma, redis }: RestartFixture, id: ActivityId): Promise<void> {
  const outbox = new OutboxStream(redis);
  const entries = await outbox.read(id, { consumer: 'spec', count: 1_000 });
  const activity = await prisma.flashSaleActivity.findUniqueOrThrow({ where: { id: BigInt(id) } });
  for (const entry of entries) {
    const event = JSON.parse(entry.body) as {
      claim_id: ClaimId;
      user_id: string;
      units: { sn: string; slot: number }[];
      idempotency_key?: string;
    };
    const released = entry.type.includes('released');
    await prisma.claimEvent.create({
      data: {
        activityId: BigInt(id),
        eventSeq: BigInt(entry.seq),
        claimId: event.claim_id,
        userId: BigInt(event.user_id),
        quantity: event.units.length,
        kind: released ? 2 : 1,
        epoch: 1,
        idempotencyKey: event.idempotency_key ?? null,
        at: new Date(),
      },
    });
    if (released) {
      await prisma.userCoupon.updateMany({ where: { claimId: event.claim_id }, data: { status: 5, slot: null } });
      continue;
    }
    await prisma.userCoupon.createMany({
      data: event.units.map((unit) => ({
        couponId: activity.couponId,
        userId: BigInt(event.user_id),
        couponSn: unit.sn,
        obtainTime: new Date(),
        validStartTime: activity.startTime,
        validEndTime: activity.endTime,
        activityId: BigInt(id),
        claimId: event.claim_id,
        slot: unit.slot,
        source: 'flash_sale',
      })),
    });
  }
  await outbox.acknowledge(
    id,
    entries.map((entry) => entry.streamId),
  );
}
