import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { poolConfig } from './connection-config';
import type { PoolOptions } from './connection-config';
import { createDriverPool } from './driver-pool';
import { settleFailedSteps } from './driver-setup';
import { PrismaClient } from './generated/client';
import { RenewingAdapterFactory } from './renewing-adapter';
import type { AdapterFactory } from './renewing-adapter';

export interface CreatePrismaOptions extends PoolOptions {
  /** A connection of the pool broke outside a query. */
  readonly onConnectionError?: (error: Error) => void;
  /** A pool of this age is replaced, without disturbing what is under way. @default 3_600_000 */
  readonly lifetimeMs?: number;
  /** Monotonic milliseconds, for that age. @default performance.now */
  readonly nowMs?: () => number;
}

/**
 * A client on its own pool; connects on first use. Sessions are UTC, READ COMMITTED and strict. An UPDATE reports the rows that matched,
 * not the rows that changed. The pool is replaced after its lifetime, and after a server has refused a write because it is read-only: after a
 * failover the way leads to another one. Close with `$disconnect()`.
 */
export function createPrisma(url: string, options: CreatePrismaOptions = {}): PrismaClient {
  return new PrismaClient({ adapter: createMysqlAdapter(url, options), errorFormat: 'minimal' });
}

/** The pool behind it, for other clients. */
export function createMysqlAdapter(url: string, options: CreatePrismaOptions = {}): AdapterFactory {
  const { onConnectionError } = options;
  settleFailedSteps();
  const config = poolConfig(url, options);
  const adapter = {
    provider: 'mysql',
    adapterName: '@prisma/adapter-mariadb',
    connect: () =>
      new PrismaMariaDb(createDriverPool(config), {
        // Prepared statements cost a round trip each (nothing here caches them) and 65,535 placeholders at most; the driver escapes as well.
        useTextProtocol: true,
        disposeExternalPool: true,
        ...(onConnectionError ? { onConnectionError } : {}),
      }).connect(),
  } as const;
  return new RenewingAdapterFactory(adapter, {
    lifetimeMs: options.lifetimeMs ?? 3_600_000,
    nowMs: options.nowMs ?? (() => performance.now()),
    onError: (error) => onConnectionError?.(error),
  });
}
