import { EMBEDDED_MIGRATIONS } from '@coupon/persistence';
import { schemaCheck } from './schema-check';

function databaseWith(applied: readonly string[]) {
  const asked: string[] = [];
  const prisma = {
    $queryRaw: (sql: TemplateStringsArray) => {
      asked.push(sql.join('?'));
      return Promise.resolve(applied.map((name) => ({ migration_name: name })));
    },
  };
  return { prisma: prisma as unknown as Parameters<typeof schemaCheck>[0], asked };
}

it('names the migrations that are missing', async () => {
  const last = EMBEDDED_MIGRATIONS[EMBEDDED_MIGRATIONS.length - 1]?.name ?? '';
  const without = EMBEDDED_MIGRATIONS.slice(0, -1).map((migration) => migration.name);
  await expect(schemaCheck(databaseWith(without).prisma)()).rejects.toThrow(last);
});

it('looks once, then only asks whether the database answers; a newer schema does not matter', async () => {
  const { prisma, asked } = databaseWith([...EMBEDDED_MIGRATIONS.map((migration) => migration.name), '2999_newer']);
  const check = schemaCheck(prisma);
  await check();
  await check();
  expect(asked.map((sql) => sql.includes('_prisma_migrations'))).toEqual([true, false]);
});
