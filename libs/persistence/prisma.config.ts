import { defineConfig } from 'prisma/config';

/** For Prisma's own command line (`prisma generate`, `prisma migrate deploy`); the apps use src/migrations instead. */
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['MYSQL_URL'] ?? 'mysql://localhost:3306/coupon' },
});
