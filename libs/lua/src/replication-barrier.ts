import type { Redis } from 'ioredis';
import { REPLICATION_MARK_KEY } from './keys';

/**
 * Whether `replicas` replicas have everything that was in Redis when this was called, whoever wrote it. WAIT speaks only of what its own
 * connection has written, so a mark is written first: replication keeps the order of writes, and who has the mark has what came before it.
 * @returns false when they had not said so within `timeoutMs`. Rejects with the error of Redis.
 */
export async function passReplicationBarrier(
  redis: Pick<Redis, 'set' | 'wait'>,
  replicas: number,
  timeoutMs: number,
): Promise<boolean> {
  // Sent together: the connection keeps their order.
  const [, reached] = await Promise.all([redis.set(REPLICATION_MARK_KEY, '1'), redis.wait(replicas, timeoutMs)]);
  return reached >= replicas;
}
