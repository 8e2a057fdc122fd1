import { Redis } from 'ioredis';

export interface ClaimRedisOptions {
  /** Shown by CLIENT LIST. */
  readonly connectionName?: string;
  /** @default 5000 */
  readonly connectTimeoutMs?: number;
  /** How long a reply may take before the outcome counts as unknown. @default 3000 */
  readonly commandTimeoutMs?: number;
  /** The longest pause between two attempts to connect. @default 500 */
  readonly maxReconnectDelayMs?: number;
}

/**
 * A connection to the claim Redis that never guesses (invariant 4): it does not queue while disconnected, does not send anything twice, and
 * fails what was in flight as soon as the connection closes. Reconnects by itself.
 */
export function createClaimRedis(url: string, options: ClaimRedisOptions = {}): Redis {
  const maxDelay = options.maxReconnectDelayMs ?? 500;
  return new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: options.connectTimeoutMs ?? 5000,
    commandTimeout: options.commandTimeoutMs ?? 3000,
    retryStrategy: (attempt) => Math.min(20 * attempt, maxDelay),
    ...(options.connectionName === undefined ? {} : { connectionName: options.connectionName }),
  });
}

/** `run_id` of the server behind a connection: another one after every start of Redis. */
export async function readRunId(redis: Pick<Redis, 'info'>): Promise<string> {
  const runId = /^run_id:(\w+)/m.exec(await redis.info('server'))?.[1];
  if (runId === undefined) throw new Error('INFO server has no run_id');
  return runId;
}
