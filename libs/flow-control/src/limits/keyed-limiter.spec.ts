import fc from 'fast-check';
import { FixedWindowRule } from './fixed-window';
import { KeyedLimiter } from './keyed-limiter';
import { LocalLimiter } from './local-limiter';
import { SlidingWindowRule } from './sliding-window';
import { TokenBucketRule } from './token-bucket';

const step = fc.record({
  afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 }), fc.constant(20_000)),
  key: fc.integer({ min: 1, max: 8 }).map((n) => `10.0.0.${n}`),
  kind: fc.oneof(
    { weight: 9, arbitrary: fc.constant('take' as const) },
    { weight: 1, arbitrary: fc.constantFrom('back' as const, 'limit' as const) },
  ),
});

describe('KeyedLimiter', () => {
  it.each([
    {
      name: 'token bucket',
      rule: (n: number) => new TokenBucketRule({ rate: 2, burst: n }),
      settings: (n: number) => ({ rate: 3, burst: n }),
    },
    {
      name: 'sliding window',
      rule: (n: number) => new SlidingWindowRule({ limit: n, windowMs: 500 }),
      settings: (n: number) => ({ limit: n, windowMs: 700 }),
    },
    {
      name: 'fixed window',
      rule: (n: number) => new FixedWindowRule({ limit: n, windowMs: 500 }),
      settings: (n: number) => ({ limit: n, windowMs: 700 }),
    },
  ])('is one limiter of its own per key ($name), also where idle keys were forgotten', ({ rule, settings }) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        let now = 5_000_000;
        const clock = (): number => now;
        const keyed = new KeyedLimiter<never>(rule(4) as never, clock, 8);
        const plain = new Map<string, LocalLimiter<never>>();
        let burst = 4;
        for (const { afterMs, key, kind } of steps) {
          now += afterMs;
          const one = plain.get(key) ?? new LocalLimiter<never>(rule(burst) as never, clock);
          if (!plain.has(key)) one.reconfigure((burst === 4 ? rule(4).settings : settings(burst)) as never);
          plain.set(key, one);
          if (kind === 'limit') {
            burst = burst === 4 ? 6 : 5;
            keyed.reconfigure(settings(burst) as never);
            for (const each of plain.values()) each.reconfigure(settings(burst) as never);
          } else {
            const wait = keyed.tryTake(key);
            expect(wait).toBe(one.tryTake());
            if (kind === 'back' && wait === 0) {
              keyed.giveBack(key);
              one.giveBack();
            }
          }
        }
        expect(keyed.forgottenInUse).toBe(0);
      }),
      { numRuns: 500, seed: 20261121 },
    );
  });

  it('never remembers more keys than it may, and forgets idle ones first', () => {
    let now = 5_000_000;
    const keyed = new KeyedLimiter(new TokenBucketRule({ rate: 1, burst: 5 }), () => now, 1_000);
    for (let i = 0; i < 600; i += 1) keyed.tryTake(`idle ${i}`);
    now += 10_000;
    for (let i = 0; i < 5_00; i += 1) keyed.tryTake(`busy ${i}`);
    expect(keyed.size).toBeLessThanOrEqual(1_000);
    expect(keyed.forgottenInUse).toBe(0);
    for (let i = 0; i < 500; i += 1) expect(keyed.tryTake(`busy ${i}`, 5)).toBe(1_000);
    for (let i = 0; i < 5_000; i += 1) keyed.tryTake(`flood ${i}`);
    expect(keyed.size).toBe(1_000);
    expect(keyed.forgottenInUse).toBeGreaterThan(0);
  });

  it('keeps what was used while it grows', () => {
    const keyed = new KeyedLimiter(new TokenBucketRule({ rate: 1, burst: 2 }), () => 5_000_000, 10_000);
    for (let i = 0; i < 5_000; i += 1) keyed.tryTake(`key ${i}`, 2);
    for (let i = 0; i < 5_000; i += 1) expect(keyed.tryTake(`key ${i}`)).toBe(1_000);
  });

  it('when all are in use, forgets one that was seen longer ago than the others it looks at', () => {
    let now = 5_000_000;
    const keyed = new KeyedLimiter(new TokenBucketRule({ rate: 1, burst: 5 }), () => now, 8);
    for (let i = 0; i < 8; i += 1) {
      now += 1;
      keyed.tryTake(`key ${i}`, 5);
    }
    now += 1;
    keyed.tryTake('key 0');
    keyed.tryTake('new');
    expect(keyed.tryTake('key 0')).toBeGreaterThan(0);
    expect(keyed.tryTake('key 1', 5)).toBe(0);
  });

  it('refuses a broken limit and keeps the one it has', () => {
    const keyed = new KeyedLimiter(new TokenBucketRule({ rate: 1, burst: 1 }), () => 7, 8);
    keyed.tryTake('a');
    expect(() => keyed.reconfigure({ rate: 1, burst: 0 })).toThrow('burst must be');
    expect(keyed.decide('address', 'a')).toEqual({ allowed: false, limit: 'address', retryAfterMs: 1_000 });
    expect(keyed.decide('address', 'b')).toEqual({ allowed: true });
  });
});
