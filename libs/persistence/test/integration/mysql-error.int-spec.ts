import { classifyMysqlError, createPrisma } from '../../src';
import type { MysqlErrorClass, PrismaClient } from '../../src';
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
      totalCount: 10,
      validStartTime: new Date('2026-01-01T00:00:00Z'),
      validEndTime: new Date('2030-01-01T00:00:00Z'),
    },
  });
  templateId = template.id;
  await prisma.userCoupon.create({ data: coupon({}) });
});
afterAll(() => database.close());

function coupon(change: Partial<Parameters<typeof prisma.userCoupon.create>[0]['data']>) {
  return {
    couponId: templateId,
    userId: 1n,
    couponSn: "it's a",
    validStartTime: new Date('2026-01-01T00:00:00Z'),
    validEndTime: new Date('2030-01-01T00:00:00Z'),
    activityId: 7n,
    slot: 1,
    source: 'flash_sale',
    ...change,
  } as Parameters<typeof prisma.userCoupon.createMany>[0] extends { data: infer D } | undefined
    ? Exclude<D, readonly unknown[]> & object
    : never;
}

async function failure(work: () => Promise<unknown>): Promise<MysqlErrorClass> {
  try {
    await work();
  } catch (error) {
    return classifyMysqlError(error);
  }
  throw new Error('expected to fail');
}

describe('a duplicate names its key', () => {
  it.each([
    ['create', () => prisma.userCoupon.create({ data: coupon({ slot: 2 }) })],
    ['createMany', () => prisma.userCoupon.createMany({ data: [coupon({ slot: 2 })] })],
    [
      'raw statement',
      () => prisma.$executeRaw`INSERT INTO user_coupons (coupon_id, user_id, coupon_sn, source)
        VALUES (${templateId}, 2, ${"it's a"}, 'claim')`,
    ],
    [
      'raw statement in a transaction',
      () =>
        prisma.$transaction(
          (tx) => tx.$executeRaw`INSERT INTO user_coupons (coupon_id, user_id, coupon_sn, source)
            VALUES (${templateId}, 2, ${"it's a"}, 'claim')`,
        ),
    ],
  ])('from %s', async (_name, work) => {
    expect(await failure(work)).toEqual({ kind: 'duplicate', key: 'uq_user_coupons_sn' });
  });

  it('tells a taken slot from a serial number that is there already', async () => {
    expect(await failure(() => prisma.userCoupon.create({ data: coupon({ couponSn: 'other' }) }))).toEqual({
      kind: 'duplicate',
      key: 'uq_user_coupons_slot',
    });
  });

  it('calls a primary key PRIMARY', async () => {
    const event = {
      activityId: 1n,
      eventSeq: 1n,
      claimId: '01J00000000000000000000000',
      userId: 1n,
      quantity: 1,
      kind: 1,
      epoch: 1,
      at: new Date(),
    };
    await prisma.claimEvent.create({ data: event });
    expect(await failure(() => prisma.claimEvent.create({ data: event }))).toEqual({
      kind: 'duplicate',
      key: 'PRIMARY',
    });
  });
});

describe('data at fault', () => {
  it.each([
    ['a foreign key', () => prisma.userCoupon.create({ data: coupon({ couponId: 999n, couponSn: 'b', slot: 3 }) })],
    ['a value too long', () => prisma.userCoupon.create({ data: coupon({ couponSn: 'b'.repeat(40), slot: 3 }) })],
    ['a raw value too long', () => prisma.$executeRaw`UPDATE coupon_templates SET name = ${'n'.repeat(101)}`],
    ['a number out of range', () => prisma.$executeRaw`UPDATE coupon_templates SET priority = 99999999999`],
    ['a missing value', () => prisma.$executeRaw`UPDATE coupon_templates SET name = NULL`],
    ['a time no column holds', () => prisma.$executeRaw`UPDATE coupon_templates SET valid_end_time = '2099-01-01'`],
    ['a check', () => prisma.$executeRaw`UPDATE coupon_templates SET allocated_count = 11`],
    ['a serial number that is no ASCII', () => prisma.userCoupon.create({ data: coupon({ couponSn: 'é', slot: 3 }) })],
    [
      'a value of the wrong type',
      () => prisma.userCoupon.create({ data: coupon({ userId: 'abc' as never, slot: 3 }) }),
    ],
    [
      'broken JSON',
      () => prisma.$executeRaw`INSERT INTO operations (operation_id, kind, state, payload) VALUES ('x', 'x', 'x', '{')`,
    ],
  ])('%s', async (_name, work) => {
    expect(await failure(work)).toMatchObject({ kind: 'data' });
  });
});

describe('contention', () => {
  it('calls a deadlock retryable', async () => {
    await prisma.claimEvent.createMany({
      data: [11, 12].map((seq) => ({
        activityId: 2n,
        eventSeq: BigInt(seq),
        claimId: '01J00000000000000000000000',
        userId: 1n,
        quantity: 1,
        kind: 1,
        epoch: 1,
        at: new Date(),
      })),
    });
    // Both hold their first row before either asks for the second.
    let holding = 0;
    let release = (): void => undefined;
    const bothHold = new Promise<void>((resolve) => {
      release = resolve;
    });
    const cross = (first: number, second: number): Promise<unknown> =>
      prisma.$transaction(async (tx) => {
        await tx.$executeRaw`UPDATE claim_events SET quantity = quantity + 1 WHERE activity_id = 2 AND event_seq = ${first}`;
        holding += 1;
        if (holding === 2) release();
        await bothHold;
        await tx.$executeRaw`UPDATE claim_events SET quantity = quantity + 1 WHERE activity_id = 2 AND event_seq = ${second}`;
      });
    const results = await Promise.allSettled([cross(11, 12), cross(12, 11)]);
    const rejected = results.filter((result) => result.status === 'rejected');
    expect(rejected).toHaveLength(1);
    expect(classifyMysqlError((rejected[0] as PromiseRejectedResult).reason)).toMatchObject({ kind: 'retryable' });
  });

  it('calls a lock wait that ran out retryable', async () => {
    const outcome = await prisma.$transaction(async (tx) => {
      await tx.$executeRaw`UPDATE coupon_templates SET priority = 1`;
      return failure(() =>
        prisma.$transaction(async (other) => {
          await other.$executeRaw`SET SESSION innodb_lock_wait_timeout = 1`;
          await other.$executeRaw`UPDATE coupon_templates SET priority = 2`;
        }),
      );
    });
    expect(outcome).toEqual({ kind: 'retryable', code: 1205 });
  });
});

describe('infrastructure', () => {
  it('a connection that was killed, between statements and inside one', async () => {
    const kill = async (tx: { $queryRaw: PrismaClient['$queryRaw'] }, delayMs: number): Promise<void> => {
      const [row] = await tx.$queryRaw<{ id: bigint }[]>`SELECT CONNECTION_ID() AS id`;
      const id = Number(row?.id);
      if (delayMs === 0) await database.admin.query(`KILL ${id}`);
      else setTimeout(() => void database.admin.query(`KILL ${id}`), delayMs);
    };
    const between = await failure(() =>
      prisma.$transaction(async (tx) => {
        await kill(tx, 0);
        await tx.$executeRaw`UPDATE coupon_templates SET priority = 1`;
      }),
    );
    const inside = await failure(() =>
      prisma.$transaction(async (tx) => {
        await kill(tx, 100);
        await tx.$executeRaw`DO SLEEP(4)`;
      }),
    );
    expect([between, inside]).toMatchObject([{ kind: 'infrastructure' }, { kind: 'infrastructure' }]);
  });

  it('a server that cannot be reached', async () => {
    const nobody = createPrisma('mysql://root@127.0.0.1:1/x', { poolSize: 1, acquireTimeoutMs: 200 });
    expect(await failure(() => nobody.$queryRaw`SELECT 1`)).toMatchObject({ kind: 'infrastructure' });
    expect(await failure(() => nobody.$transaction((tx) => tx.$queryRaw`SELECT 1`))).toMatchObject({
      kind: 'infrastructure',
    });
    await nobody.$disconnect();
  });

  it.each([
    ['a transaction that took too long', () => slowTransaction()],
    ['a table that is missing', () => prisma.$queryRaw`SELECT * FROM nope`],
    ['a server that only reads', () => readOnlyUpdate()],
  ])('%s', async (_name, work) => {
    expect(await failure(work)).toMatchObject({ kind: 'infrastructure' });
  });

  const slowTransaction = (): Promise<unknown> =>
    prisma.$transaction(
      async (tx) => {
        await tx.$executeRaw`DO SLEEP(0.3)`;
        await tx.$executeRaw`UPDATE coupon_templates SET priority = 1`;
      },
      { timeout: 100 },
    );

  const readOnlyUpdate = (): Promise<unknown> =>
    prisma.$transaction(async (tx) => {
      await tx.$executeRaw`ROLLBACK`;
      await tx.$executeRaw`START TRANSACTION READ ONLY`;
      await tx.$executeRaw`UPDATE coupon_templates SET priority = 1`;
    });
});

it('does not pretend to know an error that is not the database’s', () => {
  expect([classifyMysqlError(new TypeError('x')), classifyMysqlError('x'), classifyMysqlError(null)]).toEqual([
    { kind: 'unknown' },
    { kind: 'unknown' },
    { kind: 'unknown' },
  ]);
});
