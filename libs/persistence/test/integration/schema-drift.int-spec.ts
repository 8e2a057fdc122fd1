import { join } from 'node:path';
import { describeSchema, useMysqlDatabase } from '@coupon/testing';
import { EMBEDDED_MIGRATIONS, Prisma, applyMigrations } from '../../src';

const database = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }) });

describeSchema({
  file: join(__dirname, '..', '..', 'prisma', 'schema.prisma'),
  models: Object.keys(Prisma.ModelName),
  database,
});
