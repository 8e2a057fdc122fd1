import fc from 'fast-check';
import type { UserId } from '@coupon/domain';
import type { Identity } from './identity';
import { TokenCache } from './token-cache';
import { secretKey } from './verification-keys';
import type { VerificationKey } from './verification-keys';

const SEED = 20_261_121;
const key = (): VerificationKey => secretKey(Buffer.alloc(32));
const identity = (subject: string): Identity => ({ userId: subject as UserId, role: 'user', subject, anyUser: false });
const header = (name: number, length = 20): string => `Bearer ${String(name).padEnd(length - 7, 'x')}`;
const token = (
  name: string,
  over: Partial<Parameters<TokenCache['set']>[1]> = {},
): Parameters<TokenCache['set']>[1] => ({
  identity: identity(name),
  key: key(),
  fromMs: -Infinity,
  untilMs: Infinity,
  ...over,
});

describe('the cache of verified tokens', () => {
  it('knows a token from its first moment to the one before its last, and not after', () => {
    const cache = new TokenCache();
    const remember = (): void => cache.set(header(1), token('1', { fromMs: 100, untilMs: 200 }));
    remember();
    expect(cache.get(header(1), 100)?.subject).toBe('1');
    expect(cache.get(header(1), 199)?.subject).toBe('1');
    expect(cache.get(header(1), 200)).toBeUndefined();
    expect(cache.size).toEqual({ entries: 0, bytes: 0 });
    remember();
    expect(cache.get(header(1), 99)).toBeUndefined();
  });

  it('forgets a token with the key that verified it', () => {
    const cache = new TokenCache();
    const [left, stays] = [key(), key()];
    cache.set(header(1), token('1', { key: left }));
    cache.set(header(2), token('2', { key: stays }));
    left.retired = true;
    expect(cache.get(header(1), 0)).toBeUndefined();
    expect(cache.get(header(2), 0)?.subject).toBe('2');
  });

  it('keeps what is used while others come and go', () => {
    const cache = new TokenCache({ maxEntries: 10, maxBytes: 1_000_000 });
    cache.set(header(0), token('0'));
    for (let name = 1; name <= 1_000; name += 1) {
      cache.set(header(name), token(String(name)));
      if (name % 4 === 0) expect(cache.get(header(0), 0)?.subject).toBe('0');
    }
    expect(cache.get(header(1), 0)).toBeUndefined();
  });

  it('leaves out what is too long, and everything when it has no room', () => {
    const cache = new TokenCache();
    cache.set(header(1, 5_000), token('1'));
    expect(cache.size.entries).toBe(0);
    const none = new TokenCache({ maxEntries: 0, maxBytes: 0 });
    none.set(header(1), token('1'));
    expect(none.get(header(1), 0)).toBeUndefined();
    expect(() => new TokenCache({ maxEntries: -1, maxBytes: 0 })).toThrow('maxEntries');
  });

  it('never exceeds its limits, never answers for another token, and counts what it holds', () => {
    const operation = fc.oneof(
      fc.record({ op: fc.constant('set' as const), name: fc.nat({ max: 30 }), ttl: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ op: fc.constant('get' as const), name: fc.nat({ max: 30 }), ttl: fc.constant(0) }),
      fc.record({ op: fc.constant('wait' as const), name: fc.constant(0), ttl: fc.nat({ max: 5 }) }),
    );
    const limits = fc.record({ maxEntries: fc.nat({ max: 12 }), maxBytes: fc.nat({ max: 5_000 }) });
    fc.assert(
      fc.property(
        limits,
        fc.constantFrom(0, 10),
        fc.array(operation, { maxLength: 120 }),
        (given, step, operations) => {
          const cache = new TokenCache(given);
          const until = new Map<number, number>();
          let now = 0;
          for (const { op, name, ttl } of operations) {
            const text = header(name, 20 + step * name);
            if (op === 'wait') now += ttl;
            if (op === 'set') {
              cache.set(text, token(String(name), { untilMs: now + ttl }));
              until.set(name, now + ttl);
            }
            const found = op === 'get' ? cache.get(text, now) : undefined;
            if (found !== undefined) {
              expect(found.subject).toBe(String(name));
              expect(now).toBeLessThan(until.get(name) ?? 0);
            }
            expect(cache.size.entries).toBeLessThanOrEqual(given.maxEntries);
            expect(cache.size.bytes).toBeLessThanOrEqual(given.maxBytes);
            expect(cache.size.bytes).toBeGreaterThanOrEqual(cache.size.entries * 340);
            if (step === 0) expect(cache.size.bytes).toBe(cache.size.entries * 340);
          }
        },
      ),
      { seed: SEED, numRuns: 2_000 },
    );
  });
});
