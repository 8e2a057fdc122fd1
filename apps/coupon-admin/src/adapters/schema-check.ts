import { EMBEDDED_MIGRATIONS } from '@coupon/persistence';
import type { PrismaClient } from '@coupon/persistence';

/** Rejects while the database lacks a migration this build was made for. Newer ones do not matter: they are compatible or were refused. */
export function schemaCheck(prisma: Pick<PrismaClient, '$queryRaw'>): () => Promise<void> {
  let complete = false;
  return async () => {
    if (complete) {
      await prisma.$queryRaw`SELECT 1`;
      return;
    }
    const rows = await prisma.$queryRaw<{ migration_name: string }[]>`
      SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`;
    const applied = new Set(rows.map((row) => row.migration_name));
    const missing = EMBEDDED_MIGRATIONS.filter((migration) => !applied.has(migration.name));
    if (missing.length > 0) throw new Error(`migrations are missing: ${missing.map((one) => one.name).join(', ')}`);
    complete = true;
  };
}
