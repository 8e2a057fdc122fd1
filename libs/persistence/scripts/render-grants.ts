import { renderGrants } from '../src/grants/apply-grants';

/** infra/mysql/grants.sql.tmpl: what applyGrants runs, for people who work without Node. */
export function grantsTemplate(): string {
  const statements = renderGrants({
    database: '${MYSQL_DATABASE}',
    passwords: {
      admin: '${COUPON_ADMIN_PASSWORD}',
      worker: '${COUPON_WORKER_PASSWORD}',
      saga: '${COUPON_SAGA_PASSWORD}',
    },
  });
  return [
    '-- One MySQL user per app, with the rights its code uses and no more. The gateway has none.',
    '-- Written from libs/persistence/src/grants (npx tsx libs/persistence/scripts/write-grants.ts). Run after the migrations:',
    '--   envsubst < infra/mysql/grants.sql.tmpl | mysql -u root -p',
    ...statements.map((statement) => `${statement};`),
    '',
  ].join('\n');
}
