import { renderGrants } from '../src/grants/apply-grants';

/** infra/mysql/grants.sql.tmpl: what applyGrants runs, for people who work without Node. */
export function grantsTemplate(): string {
  const statements = renderGrants({
    database: '${MYSQL_DATABASE}',
    passwords: {
      admin: '${COUPON_ADMIN_PASSWORD}',
      worker: '${COUPON_WORKER_PASSWORD}',
      saga: '${COUPON_SAGA_PASSWORD}',
      binlog: '${COUPON_BINLOG_PASSWORD}',
    },
  });
  return [
    '-- One MySQL user per app, with the rights its code uses and no more. The gateway has none. coupon_binlog reads the binlog.',
    '-- Written from libs/persistence/src/grants (npx tsx libs/persistence/scripts/write-grants.ts). Run after the migrations:',
    '--   envsubst < infra/mysql/grants.sql.tmpl | mysql -u root -p',
    ...statements.map((statement) => `${statement};`),
    '',
  ].join('\n');
}

/** infra/mysql/shop-grants.sql.tmpl: the same for the database `shop`. */
export function shopGrantsTemplate(): string {
  const statements = renderGrants({
    schema: 'shop',
    database: '${SHOP_DATABASE}',
    passwords: { saga: '${COUPON_SAGA_PASSWORD}' },
  });
  return [
    '-- The rights of saga-participant on the database `shop`, its own; on the same server as the others or on another one.',
    '-- Written from libs/persistence/src/grants (npx tsx libs/persistence/scripts/write-grants.ts). Run after its migrations:',
    '--   envsubst < infra/mysql/shop-grants.sql.tmpl | mysql -u root -p',
    ...statements.map((statement) => `${statement};`),
    '',
  ].join('\n');
}
