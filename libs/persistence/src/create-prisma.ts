import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { poolConfig } from './connection-config';
import type { PoolOptions } from './connection-config';
import { PrismaClient } from './generated/client';

export interface CreatePrismaOptions extends PoolOptions {
  /** A connection of the pool broke outside a query. */
  readonly onConnectionError?: (error: Error) => void;
}

/**
 * A client on its own pool; connects on first use. Sessions are UTC, READ COMMITTED and strict. An UPDATE reports the rows that matched,
 * not the rows that changed. Close with `$disconnect()`.
 */
export function createPrisma(url: string, options: CreatePrismaOptions = {}): PrismaClient {
  const { onConnectionError } = options;
  const adapter = new PrismaMariaDb(poolConfig(url, options), {
    // Prepared statements cost a round trip each (nothing here caches them) and 65,535 placeholders at most; the driver escapes as well.
    useTextProtocol: true,
    ...(onConnectionError ? { onConnectionError } : {}),
  });
  return new PrismaClient({ adapter, errorFormat: 'minimal' });
}
