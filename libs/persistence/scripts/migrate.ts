import { runMigrateCommand } from '../src/migrations/run-migrate-command';
import { mysqlUrl } from './config';

// `npx nx run persistence:migrate` on a checkout; a deployment runs `node main.cjs migrate` of coupon-admin, which does the same.
runMigrateCommand({
  args: process.argv.slice(2),
  url: mysqlUrl,
  write: (line) => process.stdout.write(`${line}\n`),
}).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
