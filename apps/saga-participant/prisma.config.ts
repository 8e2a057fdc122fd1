import { defineConfig } from 'prisma/config';

/** For Prisma's own command line (`prisma generate`, `prisma migrate deploy`); the app uses src/migrations instead. */
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['SHOP_MYSQL_URL'] ?? 'mysql://localhost:3306/shop' },
});
