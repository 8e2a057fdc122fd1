/** Who has a MySQL user: the apps but the gateway, and the reading of the binlog (the worker's own, or a Canal server's). */
export const MYSQL_APPS = ['admin', 'worker', 'saga', 'binlog'] as const;
export type MysqlApp = (typeof MYSQL_APPS)[number];

/** Name of each app's user in a deployment; tests use names of their own. */
export const MYSQL_USERS: Readonly<Record<MysqlApp, string>> = {
  admin: 'coupon_admin',
  worker: 'coupon_worker',
  saga: 'coupon_saga',
  binlog: 'coupon_binlog',
};

/**
 * Rights on the server. The binlog cannot be had by table: who reads it sees every change of every database on the server.
 * MariaDB reads REPLICATION CLIENT as BINLOG MONITOR.
 */
export const SERVER_GRANTS: Readonly<Partial<Record<MysqlApp, readonly string[]>>> = {
  binlog: ['REPLICATION SLAVE', 'REPLICATION CLIENT'],
};

type Right = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'UPDATE (used_count)';
const DML: readonly Right[] = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

/** What one app may do in one database, table by table. */
export type TableGrants = Readonly<Record<string, readonly Right[]>>;

/** Table by table, what each app may do; whatever is not here is forbidden. The schema itself belongs to whoever runs `migrate`. */
export const GRANTS: Readonly<Record<MysqlApp, TableGrants>> = {
  admin: {
    coupon_templates: ['SELECT', 'INSERT', 'UPDATE'],
    flash_sale_activities: ['SELECT', 'INSERT', 'UPDATE'],
    user_coupons: ['SELECT', 'INSERT', 'UPDATE'],
    coupon_usage_logs: ['SELECT'],
    user_coupon_transitions: ['SELECT', 'INSERT'],
    claim_events: ['SELECT'],
    dead_letters: ['SELECT'],
    operations: DML,
    idempotency_keys: DML,
    audit_log: ['SELECT', 'INSERT'],
    _prisma_migrations: ['SELECT'],
  },
  worker: {
    coupon_templates: ['SELECT'],
    flash_sale_activities: ['SELECT', 'UPDATE'],
    user_coupons: ['SELECT', 'INSERT', 'UPDATE'],
    user_coupon_transitions: ['SELECT', 'INSERT'],
    claim_events: DML,
    dead_letters: DML,
    operations: DML,
    outbox: DML,
    binlog_positions: ['SELECT', 'INSERT', 'UPDATE'],
    cache_heartbeats: DML,
    _prisma_migrations: ['SELECT'],
  },
  saga: {
    coupon_templates: ['SELECT', 'UPDATE (used_count)'],
    user_coupons: ['SELECT', 'UPDATE'],
    coupon_usage_logs: ['SELECT', 'INSERT', 'UPDATE'],
    user_coupon_transitions: ['SELECT', 'INSERT'],
    barrier: ['SELECT', 'INSERT'],
    outbox: DML,
    _prisma_migrations: ['SELECT'],
  },
  // Columns of a table can be looked up by whoever may read it.
  binlog: {
    coupon_templates: ['SELECT'],
    user_coupons: ['SELECT'],
    flash_sale_activities: ['SELECT'],
    cache_heartbeats: ['SELECT'],
  },
};

/** The same for the database `shop`, which may be on another server: orders, payments and stock are saga-participant's alone, and nobody deletes them. */
export const SHOP_GRANTS: Readonly<Partial<Record<MysqlApp, TableGrants>>> = {
  saga: {
    products: ['SELECT', 'INSERT', 'UPDATE'],
    stock_reservations: ['SELECT', 'INSERT', 'UPDATE'],
    orders: ['SELECT', 'INSERT', 'UPDATE'],
    order_items: ['SELECT', 'INSERT'],
    payments: ['SELECT', 'INSERT', 'UPDATE'],
    payment_notifications: ['SELECT', 'INSERT'],
    refunds: ['SELECT', 'INSERT'],
    saga_runs: ['SELECT', 'INSERT', 'UPDATE'],
    barrier: DML,
    outbox: DML,
    _prisma_migrations: ['SELECT'],
  },
};
