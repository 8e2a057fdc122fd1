import { runMigrateProcess } from '../src/migrations/run-migrate-command';
import { mysqlUrl } from './config';

// `npx nx run persistence:migrate` on a checkout; a deployment runs `node main.cjs migrate` of coupon-admin, which does the same.
void runMigrateProcess({ args: process.argv.slice(2), url: mysqlUrl });
