import { assertDurableMysql, createPrisma, databaseNowMs } from '../../src';
import type { PrismaClient } from '../../src';
import { createTestDatabase } from '../support/test-database';
import type { TestDatabase } from '../support/test-database';

let database: TestDatabase;
let prisma: PrismaClient;
beforeAll(async () => {
  database = await createTestDatabase();
  prisma = database.prisma();
});
afterAll(() => database.close());

const template = {
  name: `Quote ' backslash \\ "double" \`tick\` %_; -- DROP TABLE 🎉`,
  type: 1,
  discountType: 1,
  discountValue: '12.30',
  totalCount: 10,
  validStartTime: new Date('2026-03-29T01:30:00.123Z'),
  validEndTime: new Date('2037-12-31T23:59:59.999Z'),
  applicableGoods: '["9007199254740993"]',
};

it('stores what it is given and gives it back unchanged', async () => {
  const { id } = await prisma.couponTemplate.create({ data: template });
  const row = await prisma.couponTemplate.findUniqueOrThrow({ where: { id } });
  expect(row).toMatchObject({
    name: template.name,
    validStartTime: template.validStartTime,
    validEndTime: template.validEndTime,
    applicableGoods: template.applicableGoods,
    maxDiscount: null,
    stackable: true,
    version: 1,
  });
  expect(row.discountValue.toFixed(2)).toBe('12.30');
  const payload = { a: [1, 'two', null, { deep: "it's" }], big: '9007199254740993' };
  await prisma.operation.create({ data: { operationId: 'o', kind: 'k', state: 's', payload } });
  expect((await prisma.operation.findUniqueOrThrow({ where: { operationId: 'o' } })).payload).toEqual(payload);
});

it('keeps 64-bit ids exact', async () => {
  await prisma.claimEvent.create({
    data: {
      activityId: 9223372036854775807n,
      eventSeq: 9007199254740993n,
      claimId: '01J00000000000000000000000',
      userId: 9223372036854775806n,
      quantity: 1,
      kind: 1,
      epoch: 1,
      at: new Date(0 + 1000),
    },
  });
  const [row] = await prisma.claimEvent.findMany();
  expect(row).toMatchObject({ activityId: 9223372036854775807n, eventSeq: 9007199254740993n });
});

it('works in UTC whatever the zone of the server is', async () => {
  const [row] = await prisma.$queryRaw<{ zone: string; now: Date }[]>`
    SELECT @@session.time_zone AS zone, CURRENT_TIMESTAMP(3) AS now`;
  expect(row?.zone).toBe('+00:00');
  expect(Math.abs((row?.now.getTime() ?? 0) - (await databaseNowMs(prisma)))).toBeLessThan(5_000);
});

it('reads committed rows of others inside a transaction, and one snapshot where that is asked for', async () => {
  const other = database.prisma();
  const countTwice = (isolationLevel: 'ReadCommitted' | 'RepeatableRead' | undefined): Promise<number[]> =>
    prisma.$transaction(
      async (tx) => {
        const before = await tx.auditLog.count();
        await other.auditLog.create({
          data: { actor: 'a', role: 'r', action: 'x', entity: 'e', entityId: '1', requestId: 'q' },
        });
        return [before, await tx.auditLog.count()];
      },
      isolationLevel === undefined ? {} : { isolationLevel },
    );
  const [before = 0, after] = await countTwice(undefined);
  expect(after).toBe(before + 1);
  const [first, second] = await countTwice('RepeatableRead');
  expect(second).toBe(first);
});

it('reports the rows that matched, not the rows that changed', async () => {
  const { id } = await prisma.couponTemplate.create({ data: template });
  expect(await prisma.$executeRaw`UPDATE coupon_templates SET name = name WHERE id = ${id}`).toBe(1);
});

it('finds a server that does not sync every commit', async () => {
  expect(await assertDurableMysql(prisma)).toEqual([]);
  const lazy = {
    $queryRaw: () => Promise.resolve([{ flush: 2n, sync: 1000n, log_bin: 1n }]),
  } as unknown as Pick<PrismaClient, '$queryRaw'>;
  expect(await assertDurableMysql(lazy)).toEqual([
    { setting: 'innodb_flush_log_at_trx_commit', expected: '1', actual: '2' },
    { setting: 'sync_binlog', expected: '1', actual: '1000' },
  ]);
});

it('refuses a URL it cannot read without repeating the password', () => {
  expect(() => createPrisma('postgres://u:secret@h/d')).toThrow('must look like mysql://');
  expect(() => createPrisma('postgres://u:secret@h/d')).not.toThrow('secret');
});
