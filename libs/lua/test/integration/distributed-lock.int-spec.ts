import { randomUUID } from 'node:crypto';
import { eventually, useRedisDatabase } from '@coupon/testing';
import type { Redis } from 'ioredis';
import { createClaimRedis } from '../../src/claim-redis';
import { acquireLock, releaseLock } from '../../src/distributed-lock';

const database = useRedisDatabase();
let redis: Redis;
beforeAll(async () => {
  redis = createClaimRedis(database.url);
  await redis.connect();
});
afterAll(() => redis.disconnect());

const HOLD_MS = 60_000;
const name = (): string => `spec:${randomUUID()}`;

describe('a distributed lock', () => {
  test('has one holder, who alone gives it back', async () => {
    const [lock, mine, theirs] = [name(), randomUUID(), randomUUID()];
    expect(await acquireLock(redis, lock, mine, HOLD_MS)).toEqual({ kind: 'held', forMs: HOLD_MS });
    const taken = await acquireLock(redis, lock, theirs, HOLD_MS);
    expect(taken.kind).toBe('taken');
    expect(taken.forMs).toBeGreaterThan(0);
    expect(taken.forMs).toBeLessThanOrEqual(HOLD_MS);
    expect(await releaseLock(redis, lock, theirs)).toBe(false);
    expect((await acquireLock(redis, lock, theirs, HOLD_MS)).kind).toBe('taken');
    expect(await releaseLock(redis, lock, mine)).toBe(true);
    expect((await acquireLock(redis, lock, theirs, HOLD_MS)).kind).toBe('held');
  });

  test('is told once more to whoever has it, and is not held longer for that', async () => {
    const [lock, token] = [name(), randomUUID()];
    await acquireLock(redis, lock, token, 1_000);
    const again = await acquireLock(redis, lock, token, HOLD_MS);
    expect(again.kind).toBe('held');
    expect(again.forMs).toBeLessThanOrEqual(1_000);
  });

  test('ends by itself; its late holder leaves the next one alone', async () => {
    const [lock, late, next] = [name(), randomUUID(), randomUUID()];
    await acquireLock(redis, lock, late, 30);
    await eventually(async () => (await acquireLock(redis, lock, next, HOLD_MS)).kind === 'held');
    expect(await releaseLock(redis, lock, late)).toBe(false);
    expect((await acquireLock(redis, lock, late, HOLD_MS)).kind).toBe('taken');
    expect(await releaseLock(redis, lock, next)).toBe(true);
  });

  test('of many at the same moment one gets it', async () => {
    const lock = name();
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => acquireLock(redis, lock, randomUUID(), HOLD_MS)),
    );
    expect(replies.filter(({ kind }) => kind === 'held')).toHaveLength(1);
  });

  test('lies under the key of its name', async () => {
    const [lock, token] = [name(), randomUUID()];
    await acquireLock(redis, lock, token, HOLD_MS);
    expect(await redis.get(`coupon:lock:${lock}`)).toBe(token);
  });

  test.each([
    ['short', HOLD_MS],
    ['a'.repeat(65), HOLD_MS],
    ['with space', HOLD_MS],
    [randomUUID(), 0],
    [randomUUID(), 600_001],
    [randomUUID(), 1.5],
  ])('is not given to token %j for %d ms', async (token, holdMs) => {
    await expect(acquireLock(redis, name(), token, holdMs)).rejects.toThrow('unexpected reply');
  });

  test('has a name without braces, spaces and line ends', async () => {
    for (const wrong of ['', 'a b', '{a}', 'a\n', 'x'.repeat(129)]) {
      await expect(acquireLock(redis, wrong, randomUUID(), HOLD_MS)).rejects.toThrow(RangeError);
    }
  });
});
