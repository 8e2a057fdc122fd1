import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { couponSn, encodeClaimId } from '@coupon/domain';
import type { ActivityId, ClaimId, TemplateId, UserId } from '@coupon/domain';
import {
  ActivityStore,
  OutboxStream,
  activityKeys,
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
const logger = pino({ level: 'silent' });
const database = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }) });
const redisDatabase = useRedisDatabase();

let prisma: PrismaClient;
let redis: ReturnType<typeof createClaimRedis>;
let store: ActivityStore;
let pipelineEmpty: boolean;

beforeAll(async () => {
  prisma = createPrisma(database.url);
  redis = createClaimRedis(redisDatabase.url);
  await redis.connect();
  store = new ActivityStore(redis);
});
afterAll(async () => {
  redis.disconnect();
  await prisma.$disconnect();
});
beforeEach(() => {
  pipelineEmpty = true;
});

function verifier(over: Partial<VerifyClaimRedisOptions> = {}): VerifyClaimRedis {
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
    pipelineEmptySince: () => Promise.resolve(pipelineEmpty),
    restore,
    restoreGraceMs: 0,
    nowMs: () => Date.now(),
    logger,
    ...over,
  });
}

/** A running activity in MySQL and in Redis. */
async function running(total: number, perUserLimit: number, hiddenPath = false): Promise<ActivityId> {
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

async function claim(client: ClaimRedis, id: ActivityId, user: number, quantity = 1, key = ''): Promise<ClaimOutcome> {
  const claimId = encodeClaimId(Date.now(), randomBytes(10));
  const request = { userId: String(user) as UserId, claimId, quantity, idempotencyKey: key };
  const reply = await claimUnits(client, claimKeys(id), await store.runId(id), [request]);
  const outcome = reply.kind === 'decided' ? reply.outcomes[0] : undefined;
  if (outcome === undefined) throw new Error(`refused: ${reply.kind}`);
  return outcome;
}

/** What relay and consumer do with the outbox, in the fewest words. */
async function persistOutbox(id: ActivityId): Promise<void> {
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

/** A loss that was found while MySQL was at the first epoch. */
const SEEN = { epoch: 1, restoring: false };

const anotherRun = (id: ActivityId): Promise<number> =>
  redis.hset(activityKeys(id).activity, 'run_id', 'an-earlier-run');

describe('invariant 9: Redis after a restart', () => {
  test('an activity that was opened on this run is left alone', async () => {
    const id = await running(5, 1);
    expect(await verifier().execute(id)).toBe('current');
  });

  test('with everything in place the new run is accepted, also while the outbox is ahead of MySQL', async () => {
    const id = await running(5, 1);
    await claim(redis, id, 1);
    await persistOutbox(id);
    await claim(redis, id, 2);
    await anotherRun(id);
    await expect(claim(redis, id, 3)).rejects.toThrow('wrong_run');
    expect(await verifier().execute(id)).toBe('adopted');
    expect(await claim(redis, id, 3)).toMatchObject({ kind: 'won' });
    expect(await store.snapshot(id)).toMatchObject({ epoch: 1, claimed: 3 });
  });

  test('nothing is decided while events are still on their way to MySQL', async () => {
    const id = await running(5, 1);
    await anotherRun(id);
    pipelineEmpty = false;
    const verify = verifier();
    expect(await verify.execute(id)).toBe('waiting');
    await expect(claim(redis, id, 1)).rejects.toThrow('wrong_run');
    pipelineEmpty = true;
    expect(await verify.execute(id)).toBe('adopted');
  });

  test('a Redis that lost everything gets it back from MySQL: receipts, slots, tombstones, stock', async () => {
    const id = await running(20, 3);
    const first = await claim(redis, id, 1, 2, 'key-of-user-1');
    for (let user = 2; user <= 6; user += 1) await claim(redis, id, user, 1);
    const given = await claim(redis, id, 7, 2);
    if (first.kind !== 'won' || given.kind !== 'won') throw new Error('not won');
    const release = { op: 'release', claimId: given.claimId, userId: '7' as UserId, epoch: 1, reason: 'spec' } as const;
    await store.settle(id, release);
    await persistOutbox(id);
    await redis.flushdb();
    expect(await verifier().execute(id)).toBe('restored');
    expect(await store.snapshot(id)).toMatchObject({
      epoch: 2,
      state: 'open',
      total: 20,
      claimed: 7,
      available: 13,
      eventSeq: 8,
      persistedEvents: 8,
      persistedUnits: 7,
    });
    expect(await claim(redis, id, 1, 2, 'key-of-user-1')).toMatchObject({ claimId: first.claimId, replayed: true });
    expect(await claim(redis, id, 1, 2)).toMatchObject({ code: 'LIMIT_REACHED' });
    expect(await claim(redis, id, 1, 1)).toMatchObject({ kind: 'won', replayed: false });
    const [entry] = await new OutboxStream(redis).read(id, { consumer: 'spec', count: 1 });
    expect(JSON.parse(entry?.body ?? '')).toMatchObject({ event_seq: 9, epoch: 2, units: [{ slot: 3 }] });
    expect(await prisma.flashSaleActivity.findUniqueOrThrow({ where: { id: BigInt(id) } })).toMatchObject({ epoch: 2 });
    expect(await prisma.operation.findFirstOrThrow({ where: { activityId: BigInt(id) } })).toMatchObject({
      state: 'done',
      activeKey: null,
    });
  });

  test('a hidden path is hidden again after a rebuild', async () => {
    const id = await running(5, 1, true);
    await redis.flushdb();
    expect(await verifier().execute(id)).toBe('restored');
    expect(await store.snapshot(id)).toMatchObject({ state: 'open', hiddenPath: true });
    expect(await claim(redis, id, 1)).toMatchObject({ reason: 'no_purchase_token' });
  });

  test('a release that was cut off between MySQL and Redis can be carried through after a rebuild', async () => {
    const id = await running(5, 3);
    const given = await claim(redis, id, 1, 2);
    await claim(redis, id, 1, 1);
    await persistOutbox(id);
    if (given.kind !== 'won') throw new Error('not won');
    await prisma.userCoupon.updateMany({ where: { claimId: given.claimId }, data: { status: 5, slot: null } });
    await redis.flushdb();
    expect(await verifier().execute(id)).toBe('restored');
    expect(await store.snapshot(id)).toMatchObject({ claimed: 3, available: 2, eventSeq: 2 });
    const release = { op: 'release', claimId: given.claimId, userId: '1' as UserId, epoch: 2, reason: 'spec' } as const;
    expect(await store.settle(id, release)).toEqual({ kind: 'released', eventSeq: 3 });
    expect(await store.snapshot(id)).toMatchObject({ claimed: 1, available: 4 });
  });

  test('a Redis that is behind MySQL (an older disk) is rebuilt, not believed', async () => {
    const id = await running(5, 1);
    await claim(redis, id, 1);
    await claim(redis, id, 2);
    await persistOutbox(id);
    const k = activityKeys(id);
    // As the activity was before the second claim.
    await redis.hset(k.activity, { claimed: '1', event_seq: '1', run_id: 'an-earlier-run' });
    await redis.set(k.stock, '4');
    await redis.hdel(k.user, '2');
    expect(await verifier().execute(id)).toBe('restored');
    expect(await store.snapshot(id)).toMatchObject({ epoch: 2, claimed: 2, available: 3, eventSeq: 2 });
    expect(await claim(redis, id, 2)).toMatchObject({ replayed: true });
  });

  test('a Redis whose counters do not add up is rebuilt, not believed', async () => {
    const id = await running(5, 1);
    await claim(redis, id, 1);
    await persistOutbox(id);
    await redis.set(activityKeys(id).stock, '5');
    await anotherRun(id);
    expect(await verifier().execute(id)).toBe('restored');
    expect(await store.snapshot(id)).toMatchObject({ epoch: 2, claimed: 1, available: 4 });
  });

  test('only what was seen of the queue after the doubt began counts', async () => {
    const id = await running(5, 1);
    await anotherRun(id);
    const asked: number[] = [];
    let nowMs = 1_000;
    const verify = verifier({
      nowMs: () => nowMs,
      pipelineEmptySince: (sinceMs) => {
        asked.push(sinceMs);
        return Promise.resolve(asked.length > 1);
      },
    });
    expect(await verify.execute(id)).toBe('waiting');
    nowMs = 9_000;
    expect(await verify.execute(id)).toBe('adopted');
    expect(asked).toEqual([1_000, 1_000]);
  });

  test('a rebuild waits until the outbox that was left is relayed', async () => {
    const id = await running(5, 1);
    await claim(redis, id, 1);
    await redis.del(activityKeys(id).stock);
    await anotherRun(id);
    const verify = verifier();
    expect(await verify.execute(id)).toBe('waiting');
    // Nothing has begun: what is in the outbox belongs to the epoch that still holds.
    expect(await prisma.flashSaleActivity.findUniqueOrThrow({ where: { id: BigInt(id) } })).toMatchObject({ epoch: 1 });
    expect(await prisma.operation.count({ where: { activityId: BigInt(id) } })).toBe(0);
    expect(await redis.hget(activityKeys(id).activity, 'state')).toBe('closed');
    await persistOutbox(id);
    expect(await verify.execute(id)).toBe('restored');
    expect(await store.snapshot(id)).toMatchObject({ claimed: 1, available: 4 });
  });

  test('a rebuild that died in the middle is continued under the same epoch', async () => {
    const id = await running(5, 1);
    await claim(redis, id, 1);
    await persistOutbox(id);
    await redis.flushdb();
    const ledger = new MysqlRestoreLedger(prisma, { userRatePerSecond: 0 });
    expect(await ledger.begin(id, SEEN)).toMatchObject({ plan: { activity: { epoch: 2 }, claimed: 1, eventSeq: 1 } });
    expect(await verifier().execute(id)).toBe('restored');
    expect(await store.snapshot(id)).toMatchObject({ epoch: 2, state: 'open' });
  });

  test('a rebuild that died before it could open the activity is continued, too', async () => {
    const id = await running(5, 1);
    await claim(redis, id, 1);
    await persistOutbox(id);
    await redis.flushdb();
    const ledger = new MysqlRestoreLedger(prisma, { userRatePerSecond: 0 });
    const begun = await ledger.begin(id, SEEN);
    if (begun.kind !== 'plan') throw new Error('no plan');
    await store.restore(begun.plan.activity, { claimed: 1, eventSeq: 1, claims: ledger.claims(id) });
    expect(await verifier().execute(id)).toBe('restored');
    expect(await store.snapshot(id)).toMatchObject({ epoch: 2, state: 'open', persistedEvents: 1 });
  });

  test('a worker that comes late neither closes nor rebuilds what another has put back', async () => {
    const id = await running(5, 1);
    await redis.flushdb();
    expect(await verifier().execute(id)).toBe('restored');
    await claim(redis, id, 1);
    const ledger = new MysqlRestoreLedger(prisma, { userRatePerSecond: 0 });
    const late = new RestoreActivity({
      store,
      outbox: { pending: () => Promise.resolve({ length: 0, pending: 0 }) },
      ledger,
      markPersisted: () => Promise.resolve(),
      logger,
    });
    expect(await late.prepare(id, 1)).toBe(true);
    expect(await late.prepare(id, 2)).toBe(false);
    expect(await late.execute(id, SEEN)).toBe(false);
    // It saw the restore under way, and the other one finished before it could lock the row.
    expect(await late.execute(id, { epoch: 2, restoring: true })).toBe(false);
    expect(await store.snapshot(id)).toMatchObject({ epoch: 2, state: 'open', claimed: 1 });
  });

  test('two workers that rebuild at once bring back one activity', async () => {
    const id = await running(30, 1);
    for (let user = 1; user <= 10; user += 1) await claim(redis, id, user);
    await persistOutbox(id);
    await redis.flushdb();
    await Promise.all([verifier().execute(id), verifier().execute(id), verifier().execute(id)]);
    expect(await verifier().execute(id)).toBe('current');
    expect(await store.snapshot(id)).toMatchObject({ claimed: 10, available: 20, state: 'open', epoch: 2 });
    expect(await claim(redis, id, 10)).toMatchObject({ replayed: true });
  });

  test('an activity whose first load is still under way is left to whoever loads it', async () => {
    const id = await running(5, 1);
    await redis.flushdb();
    const operation = await prisma.operation.create({
      data: {
        operationId: `load-${id}`,
        kind: 'start',
        activityId: BigInt(id),
        activeKey: `activity:${id}`,
        state: 'created',
        payload: {},
      },
    });
    expect(await verifier().execute(id)).toBe('waiting');
    const ledger = new MysqlRestoreLedger(prisma, { userRatePerSecond: 0 });
    expect(await ledger.begin(id, SEEN)).toEqual({ kind: 'superseded' });
    await prisma.operation.update({ where: { id: operation.id }, data: { finishedAt: new Date(), activeKey: null } });
    expect(await verifier().execute(id)).toBe('restored');
  });

  test('an activity with promised units in the dead-letter queue is not sold again before they are replayed', async () => {
    const id = await running(5, 1);
    await redis.flushdb();
    const letter = await prisma.deadLetter.create({
      data: {
        eventId: `${id}-1-1`,
        queue: 'q',
        activityId: BigInt(id),
        eventSeq: 1n,
        reasonCode: 'X',
        reason: 'spec',
        body: '{}',
      },
    });
    expect(await verifier().execute(id)).toBe('waiting');
    await prisma.deadLetter.update({ where: { id: letter.id }, data: { replayedAt: new Date() } });
    expect(await verifier().execute(id)).toBe('restored');
    expect(await store.snapshot(id)).toMatchObject({ eventSeq: 1 });
  });

  test('a drained activity answers again after a restart: its winners still get their receipts', async () => {
    const id = await running(5, 1);
    await claim(redis, id, 1);
    await persistOutbox(id);
    await prisma.flashSaleActivity.update({ where: { id: BigInt(id) }, data: { drainedAt: new Date(), status: 3 } });
    await store.setState(id, { to: 'ended', epoch: 1 });
    await anotherRun(id);
    expect(await verifier().execute(id)).toBe('adopted');
    expect(await claim(redis, id, 1)).toMatchObject({ replayed: true });
  });

  test('a pause or a stock addition that Redis has lost is not forgotten', async () => {
    const paused = await running(5, 1);
    await prisma.flashSaleActivity.update({ where: { id: BigInt(paused) }, data: { pausedAt: new Date() } });
    await anotherRun(paused);
    expect(await verifier().execute(paused)).toBe('adopted');
    expect(await claim(redis, paused, 1)).toMatchObject({ code: 'PAUSED' });
    const added = await running(5, 1);
    await prisma.flashSaleActivity.update({ where: { id: BigInt(added) }, data: { totalCount: 8 } });
    await anotherRun(added);
    expect(await verifier().execute(added)).toBe('restored');
    expect(await store.snapshot(added)).toMatchObject({ total: 8, available: 8 });
  });

  test('an outbox that has lost its relay group gets it back, with every event that was waiting', async () => {
    const id = await running(5, 1);
    await claim(redis, id, 1);
    await redis.xgroup('DESTROY', activityKeys(id).outbox, 'relay');
    await expect(claim(redis, id, 2)).rejects.toThrow('half_loaded');
    expect(await verifier().execute(id)).toBe('current');
    expect(await new OutboxStream(redis).read(id, { consumer: 'spec', count: 9 })).toHaveLength(1);
    expect(await claim(redis, id, 2)).toMatchObject({ kind: 'won' });
  });

  test('a restore opens from closed only: an operator who ended the sale meanwhile is not overruled', async () => {
    const id = await running(5, 1);
    await redis.flushdb();
    const ledger = new MysqlRestoreLedger(prisma, { userRatePerSecond: 0 });
    const restore = new RestoreActivity({
      store,
      outbox: new OutboxStream(redis),
      ledger,
      markPersisted: () => Promise.resolve(),
      logger,
    });
    const events = jest.spyOn(ledger, 'state').mockImplementation(async () => {
      await store.setState(id, { to: 'paused', epoch: 2 });
      return 'open';
    });
    expect(await restore.execute(id, SEEN)).toBe(true);
    expect(events).toHaveBeenCalled();
    expect(await store.snapshot(id)).toMatchObject({ state: 'paused' });
  });

  test('an activity that nobody expects in Redis is not brought back', async () => {
    const id = await running(5, 1);
    await redis.flushdb();
    await prisma.flashSaleActivity.update({ where: { id: BigInt(id) }, data: { drainedAt: new Date() } });
    expect(await verifier().execute(id)).toBe('absent');
    expect(await store.snapshot(id)).toBeNull();
  });

  test('serial numbers are made the same way here and in the script', async () => {
    const id = await running(5, 3);
    const outcome = await claim(redis, id, 1, 3);
    expect(outcome).toMatchObject({
      couponSns: [1, 2, 3].map((unit) => couponSn(outcome.kind === 'won' ? outcome.claimId : '', unit)),
    });
  });
});
