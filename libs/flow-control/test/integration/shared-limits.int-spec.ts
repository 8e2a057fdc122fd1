import { leaseTokens } from '@coupon/lua';
import { LEASE_PENDING } from '../../src/limits/leased-limiter';
import { LeasedLimiters } from '../../src/limits/leased-limiters';
import {
  RedisLimiter,
  SHARED_FIXED_WINDOW,
  SHARED_SLIDING_WINDOW,
  SHARED_TOKEN_BUCKET,
} from '../../src/limits/redis-limiter';
import type { SharedLimitKind } from '../../src/limits/redis-limiter';
import { useFlow } from './fixture';

const flow = useFlow();

describe.each([
  { name: 'token bucket', kind: SHARED_TOKEN_BUCKET, three: { rate: 1, burst: 3 }, five: { rate: 1, burst: 5 } },
  {
    name: 'sliding window',
    kind: SHARED_SLIDING_WINDOW,
    three: { limit: 3, windowMs: 3_600_000 },
    five: { limit: 5, windowMs: 3_600_000 },
  },
  {
    name: 'fixed window',
    kind: SHARED_FIXED_WINDOW,
    three: { limit: 3, windowMs: 3_600_000 },
    five: { limit: 5, windowMs: 3_600_000 },
  },
])('RedisLimiter, $name', ({ name, kind, three, five }) => {
  const limitKind = kind as SharedLimitKind<unknown>;

  test('is one limit for all processes, says which limit and when to come back, and keeps what was used when it changes', async () => {
    const processes = await Promise.all(
      [0, 1].map(async () => new RedisLimiter(await flow.connect(), limitKind, three)),
    );
    const ask = (n: number, key = name) => processes[n % 2]?.decide('activity', key);
    for (let i = 0; i < 3; i += 1) expect(await ask(i)).toEqual({ allowed: true });
    const refused = await ask(1);
    expect(refused).toMatchObject({ allowed: false, limit: 'activity' });
    if (refused?.allowed === false) expect(refused.retryAfterMs).toBeGreaterThanOrEqual(1);
    expect(await ask(0, `${name} of another activity`)).toEqual({ allowed: true });
    for (const limiter of processes) limiter.reconfigure(five);
    const allowed = [await ask(0), await ask(1), await ask(0), await ask(1), await ask(0)].filter(
      (one) => one?.allowed,
    );
    // A token bucket may have refilled one meanwhile.
    expect(allowed.length).toBeGreaterThanOrEqual(2);
    expect(allowed.length).toBeLessThanOrEqual(4);
  });

  test('refuses a broken limit and names the setting', () => {
    expect(() => new RedisLimiter(null as never, limitKind, { ...three, burst: 0, limit: 0 })).toThrow(
      /^(burst|limit) must be/,
    );
  });
});

describe('LeasedLimiters', () => {
  test('four processes with ten times the demand use the limit, never more', async () => {
    const limit = { rate: 500, burst: 200 };
    const processes = await Promise.all(
      [0, 1, 2, 3].map(async (n) => {
        const redis = await flow.connect();
        return new LeasedLimiters(
          limit,
          {
            lease: (name, call) => leaseTokens(redis, name, call),
            nowMs: () => performance.now(),
            onError: (error) => {
              throw error;
            },
          },
          { holder: `p${n}`, maxKeys: 10, prefix: 'activity:' },
        );
      }),
    );
    const startMs = performance.now();
    let used = 0;
    let refused = 0;
    while (used < 700) {
      for (const limiters of processes) {
        for (let i = 0; i < 5; i += 1) {
          const wait = limiters.tryTake('1');
          if (wait === 0) used += 1;
          else if (wait !== LEASE_PENDING) refused += 1;
        }
        limiters.tick();
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const elapsedMs = performance.now() - startMs;
    // Redis' clock may run up to 0.1 % faster than ours.
    expect(used).toBeLessThanOrEqual(limit.burst + (limit.rate * elapsedMs * 1.001) / 1_000 + 1);
    expect(refused).toBeGreaterThan(0);
    await Promise.all(processes.map((limiters) => limiters.close()));
  });
});
