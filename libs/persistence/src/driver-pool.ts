import { createPool } from 'mariadb';
import type { Pool, PoolConfig, PoolConnection } from 'mariadb';

/**
 * Rows as Prisma's driver adapter reads them: lists of values, of which times, JSON and DECIMAL are texts and bits are bytes. `typeCast`, which it
 * has for GEOMETRY, is left out: no table has any.
 */
const ROW_FORMAT = {
  rowsAsArray: true,
  dateStrings: true,
  autoJsonMap: false,
  jsonStrings: true,
  bitOneIsBoolean: false,
} as const;

interface Statement {
  readonly sql: string;
}

/**
 * A pool for Prisma's driver adapter. The adapter asks for the row format with every statement, for which the driver copies all of its hundred
 * settings, more work than the rest of a short statement; here the connections have the format themselves, and statements go out without it.
 */
export function createDriverPool(config: PoolConfig): Pool {
  const pool = createPool({ ...config, ...ROW_FORMAT, prepareCacheLength: 0 });
  const adapted = {
    query: ({ sql }: Statement, values?: unknown) => pool.query(sql, values),
    getConnection: async () => connectionOf(await pool.getConnection()),
    end: () => pool.end(),
  };
  return adapted as unknown as Pool;
}

/** What the adapter uses of a connection. */
function connectionOf(connection: PoolConnection): object {
  return {
    query: ({ sql }: Statement, values?: unknown) => connection.query(sql, values),
    on: (event: 'error', listener: (error: Error) => void) => connection.on(event, listener as never),
    off: (event: 'error', listener: (error: Error) => void) => connection.off(event, listener as never),
    release: () => connection.release(),
  };
}
