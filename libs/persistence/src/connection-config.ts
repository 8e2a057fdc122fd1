import type { PoolConfig } from 'mariadb';

/**
 * Set on every connection: times are UTC whatever the server's zone is; READ COMMITTED, because every check-then-write here is one
 * conditional UPDATE and the wider gap locks of the default only make concurrent inserts deadlock; strict mode, so that a value too
 * long is an error and never cut.
 */
const SESSION_SQL = [
  "SET SESSION time_zone = '+00:00'",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'",
];

export interface PoolOptions {
  /** Most connections open at once. @default 100 */
  readonly poolSize?: number;
  /** Connections kept although idle. @default 10, at most poolSize */
  readonly poolIdle?: number;
  /** How long a connection above poolIdle may stay idle. @default 3_600_000 */
  readonly idleTimeoutMs?: number;
  /** To reach the server. @default 5_000 */
  readonly connectTimeoutMs?: number;
  /** To wait for a free connection. @default 10_000 */
  readonly acquireTimeoutMs?: number;
}

/**
 * `mysql://user:password@host:port/database?ssl=true` as the driver's settings; the database may be absent.
 * @throws Error when it is no such URL; the message does not repeat it, since it holds a password.
 */
export function driverConfig(url: string): PoolConfig {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['mysql:', 'mariadb:'].includes(parsed.protocol) || parsed.hostname === '') {
    throw new Error('the database URL must look like mysql://user:password@host:3306/database');
  }
  const database = decodeURIComponent(parsed.pathname.replace(/^\//, ''));
  const password = decodeURIComponent(parsed.password);
  return {
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? 3306 : Number(parsed.port),
    user: decodeURIComponent(parsed.username),
    ...(password === '' ? {} : { password }),
    ...(database === '' ? {} : { database }),
    ...(parsed.searchParams.get('ssl') === 'true' ? { ssl: true } : {}),
    // caching_sha2_password over a plain connection, as inside a cluster: the server's key is fetched from the server.
    allowPublicKeyRetrieval: parsed.searchParams.get('ssl') !== 'true',
    charset: 'utf8mb4',
    connectTimeout: 5_000,
    keepAliveDelay: 10_000,
    initSql: SESSION_SQL,
  };
}

/** The same with a pool's settings. */
export function poolConfig(url: string, options: PoolOptions = {}): PoolConfig {
  const poolSize = options.poolSize ?? 100;
  return {
    ...driverConfig(url),
    connectTimeout: options.connectTimeoutMs ?? 5_000,
    connectionLimit: poolSize,
    minimumIdle: Math.min(options.poolIdle ?? 10, poolSize),
    idleTimeout: Math.ceil((options.idleTimeoutMs ?? 3_600_000) / 1000),
    acquireTimeout: options.acquireTimeoutMs ?? 10_000,
  };
}
