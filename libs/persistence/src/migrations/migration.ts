/** One folder of prisma/migrations: `<timestamp>_<name>/migration.sql`; checksum is the SHA-256 of the file, as Prisma computes it. */
export interface Migration {
  readonly name: string;
  readonly checksum: string;
  readonly sql: string;
}

export type MigrationCompatibility = 'expand' | 'contract';

/** What the first line says: `-- compat: expand` or `-- compat: contract`. @throws Error when it says neither. */
export function migrationCompatibility(migration: Migration): MigrationCompatibility {
  const match = /^-- compat: (expand|contract)\b/.exec(migration.sql);
  if (!match)
    throw new Error(`migration ${migration.name}: the first line must be "-- compat: expand" or "-- compat: contract"`);
  return match[1] as MigrationCompatibility;
}
