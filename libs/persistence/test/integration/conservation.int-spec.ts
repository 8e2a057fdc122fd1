import type { ActivityId } from '@coupon/domain';
import { Prisma, readConservation } from '../../src';
import { missingSequences } from '../../src/conservation/missing-sequences';
import type { ConservationSources, PipelineObservation, PrismaClient, StockReading } from '../../src';
import { createTestDatabase } from '../support/test-database';
import type { TestDatabase } from '../support/test-database';

let database: TestDatabase;
let prisma: PrismaClient;
let templateId: bigint;
beforeAll(async () => {
  database = await createTestDatabase();
  prisma = database.prisma();
  const template = await prisma.couponTemplate.create({
    data: {
      name: 't',
      type: 1,
      discountType: 1,
      discountValue: '5.00',
      totalCount: 100_000,
      validStartTime: new Date('2026-01-01T00:00:00Z'),
      validEndTime: new Date('2030-01-01T00:00:00Z'),
    },
  });
  templateId = template.id;
});
afterAll(() => database.close());

const claimIdOf = (seq: number): string => `01J${String(seq).padStart(23, '0')}`;

async function storeEvents(activityId: bigint, seqs: readonly number[], at: Date): Promise<void> {
  if (seqs.length > 1_000) {
    await storeEvents(activityId, seqs.slice(1_000), at);
    return storeEvents(activityId, seqs.slice(0, 1_000), at);
  }
  const events = seqs.map((seq) => Prisma.sql`(${activityId}, ${seq}, ${claimIdOf(seq)}, ${seq}, 1, 1, 1, ${at})`);
  await prisma.$executeRaw`INSERT INTO claim_events
    (activity_id, event_seq, claim_id, user_id, quantity, kind, epoch, at) VALUES ${Prisma.join(events)}`;
  const coupons = seqs.map(
    (seq) =>
      Prisma.sql`(${templateId}, ${seq}, ${`${activityId}-${seq}`}, ${activityId}, ${claimIdOf(seq)}, 1, 'flash_sale')`,
  );
  await prisma.$executeRaw`INSERT INTO user_coupons
    (coupon_id, user_id, coupon_sn, activity_id, claim_id, slot, source) VALUES ${Prisma.join(coupons)}`;
}

async function activityWith(seqs: readonly number[], ageMs: number): Promise<ActivityId> {
  const activity = await prisma.flashSaleActivity.create({
    data: {
      couponId: templateId,
      name: 'a',
      totalCount: Math.max(100, seqs.length),
      successCount: seqs.length,
      startTime: new Date('2026-01-01T00:00:00Z'),
      endTime: new Date('2030-01-01T00:00:00Z'),
      loadedAt: new Date(),
    },
  });
  if (seqs.length > 0) await storeEvents(activity.id, seqs, new Date(Date.now() - ageMs));
  return String(activity.id) as ActivityId;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('missingSequences', () => {
  it.each([
    ['nothing stored', [], 5, [[1, 5]]],
    ['nothing expected', [], 0, []],
    ['all stored', range(1, 9), 9, []],
    ['a hole at the start', range(3, 9), 9, [[1, 2]]],
    [
      'holes in the middle',
      [1, 2, 5, 6, 9],
      9,
      [
        [3, 4],
        [7, 8],
      ],
    ],
    ['the end', range(1, 6), 9, [[7, 9]]],
    ['events beyond what is asked for', range(1, 20), 9, []],
    [
      'a hole and events beyond',
      [1, 3, 12],
      9,
      [
        [2, 2],
        [4, 9],
      ],
    ],
  ])('finds %s', async (_name, stored, upTo, gaps) => {
    const id = await activityWith(stored, 0);
    const found = await missingSequences(prisma, id, upTo, 100);
    expect(found.gaps.map((gap) => [gap.from, gap.to])).toEqual(gaps);
    expect(found.count).toBe(gaps.reduce((sum, [from = 0, to = 0]) => sum + to - from + 1, 0));
  });

  it('finds holes at the borders of its blocks', async () => {
    const all = range(1, 4_000);
    const lacking = new Set([1, 1_000, 1_001, 2_500, ...range(2_990, 3_000), 4_000]);
    const id = await activityWith(
      all.filter((seq) => !lacking.has(seq)),
      0,
    );
    const { count, gaps } = await missingSequences(prisma, id, 4_000, 100);
    expect(gaps.map((gap) => [gap.from, gap.to])).toEqual([
      [1, 1],
      [1_000, 1_001],
      [2_500, 2_500],
      [2_990, 3_000],
      [4_000, 4_000],
    ]);
    expect(count).toBe(lacking.size);
  });

  it('spans blocks that are missing as a whole', async () => {
    const id = await activityWith([...range(1, 1_000), ...range(3_001, 4_000), 6_500], 0);
    const { gaps } = await missingSequences(prisma, id, 8_000, 100);
    expect(gaps.map((gap) => [gap.from, gap.to])).toEqual([
      [1_001, 3_000],
      [4_001, 6_499],
      [6_501, 8_000],
    ]);
  });

  it('counts exactly what it does not list', async () => {
    const id = await activityWith([2, 4, 6, 8], 0);
    const found = await missingSequences(prisma, id, 8, 2);
    expect(found).toMatchObject({
      count: 4,
      gaps: [
        { from: 1, to: 1 },
        { from: 3, to: 3 },
      ],
    });
  });

  it('tells how old a gap is at least', async () => {
    const id = await activityWith([1, 3], 45_000);
    const { gaps } = await missingSequences(prisma, id, 4, 10);
    expect(Date.now() - (gaps[0]?.nextStoredAtMs ?? 0)).toBeGreaterThanOrEqual(45_000);
    expect(gaps[1]?.nextStoredAtMs).toBeNull();
  });
});

describe('readConservation', () => {
  function sourcesOf(reading: {
    eventSeq: number;
    claimed: number;
    outbox?: number[];
    pipeline?: (nowMs: number) => PipelineObservation[];
  }): ConservationSources {
    let nowMs = Date.now();
    const snapshot: StockReading = {
      eventSeq: reading.eventSeq,
      total: 100,
      available: 100 - reading.claimed,
      claimed: reading.claimed,
      lastEventMs: nowMs - 60_000,
      nowMs,
    };
    const watched = (now: number): PipelineObservation[] => [{ instance: 'w', atMs: now, queueReady: 0, unacked: 0 }];
    return {
      snapshot: () => Promise.resolve(snapshot),
      outboxSequences: () => Promise.resolve(new Set(reading.outbox ?? [])),
      pipeline: () => Promise.resolve((reading.pipeline ?? watched)(nowMs)),
      nowMs: () => nowMs,
      sleep: (ms) => {
        nowMs += ms;
        return Promise.resolve();
      },
    };
  }

  it('is ok for a drained activity', async () => {
    const id = await activityWith(range(1, 20), 60_000);
    expect(await readConservation(prisma, sourcesOf({ eventSeq: 20, claimed: 20 }), id)).toMatchObject({
      verdict: 'ok',
      persisted_units: 20,
      checks: expect.not.arrayContaining([expect.objectContaining({ ok: false })]) as unknown,
    });
  });

  it('names a lost event once a worker has looked at the queue again', async () => {
    const id = await activityWith([...range(1, 9), ...range(11, 20)], 60_000);
    const report = await readConservation(prisma, sourcesOf({ eventSeq: 20, claimed: 20 }), id);
    expect(report).toMatchObject({ verdict: 'violation', missing: [{ from: 10, to: 10, where: 'nowhere' }] });
  });

  it('does not call an event lost while no worker looks at the queue again', async () => {
    const id = await activityWith([...range(1, 9), ...range(11, 20)], 60_000);
    const seen = Date.now();
    const sources = sourcesOf({
      eventSeq: 20,
      claimed: 20,
      pipeline: () => [{ instance: 'w', atMs: seen, queueReady: 0, unacked: 0 }],
    });
    expect(await readConservation(prisma, sources, id)).toMatchObject({ verdict: 'unverified' });
  });

  it('raises no alarm for an event that moved between the two looks', async () => {
    const id = await activityWith([...range(1, 9), ...range(11, 20)], 60_000);
    const sources = sourcesOf({ eventSeq: 20, claimed: 20 });
    let looks = 0;
    const moving = {
      ...sources,
      outboxSequences: async () => {
        looks += 1;
        if (looks === 2) await storeEvents(BigInt(id), [10], new Date());
        if (looks === 2)
          await prisma.flashSaleActivity.update({ where: { id: BigInt(id) }, data: { successCount: 20 } });
        return new Set<number>();
      },
    };
    expect(await readConservation(prisma, moving, id)).toMatchObject({ verdict: 'ok' });
    expect(looks).toBe(2);
  });

  it('finds an event in the index of dead letters', async () => {
    const id = await activityWith([...range(1, 9), ...range(11, 20)], 60_000);
    await prisma.deadLetter.create({
      data: {
        eventId: `${id}-1-10`,
        queue: 'q.dlq',
        activityId: BigInt(id),
        eventSeq: 10n,
        reasonCode: 'X',
        reason: 'x',
        body: '{}',
      },
    });
    expect(await readConservation(prisma, sourcesOf({ eventSeq: 20, claimed: 20 }), id)).toMatchObject({
      verdict: 'in_flight',
      in_flight: { outbox: 0, queue: 0, dead_lettered: 1 },
    });
  });

  it('does not know an activity that MySQL does not know', async () => {
    expect(await readConservation(prisma, sourcesOf({ eventSeq: 0, claimed: 0 }), '999999' as ActivityId)).toBeNull();
  });
});
