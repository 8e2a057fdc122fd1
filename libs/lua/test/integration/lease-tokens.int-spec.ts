import fc from 'fast-check';
import { ReferenceLeaseBucket, ReferenceTokenBucket, useRedisDatabase } from '@coupon/testing';
import type { Redis } from 'ioredis';
import { createClaimRedis } from '../../src/claim-redis';
import { leaseTokens } from '../../src/flow-limits';
import { flowLimitKey } from '../../src/keys';
import { runAt } from './controlled-clock';

const database = useRedisDatabase();
const clients: Redis[] = [];
let names = 0;
const aName = (): string => `spec:${(names += 1)}`;

beforeAll(async () => {
  for (let i = 0; i < 6; i += 1) {
    const redis = createClaimRedis(database.url);
    await redis.connect();
    clients.push(redis);
  }
});
afterAll(() => {
  for (const redis of clients) redis.disconnect();
});

const step = fc.record({
  afterUs: fc.oneof(
    fc.constantFrom(0, 1, 1_000, 500_000),
    fc.integer({ min: 0, max: 50_000 }),
    fc.integer({ min: 0, max: 3_000_000 }),
  ),
  holder: fc.constantFrom('a', 'b', 'c'),
  /** Of what the holder has in hand. */
  uses: fc.nat(8),
  want: fc.oneof({ weight: 5, arbitrary: fc.nat(20) }, { weight: 1, arbitrary: fc.constant(0) }),
  /** An older call that comes late. */
  late: fc.boolean(),
  limit: fc.option(fc.record({ rate: fc.constantFrom(1, 7, 500), burst: fc.integer({ min: 1, max: 20 }) }), {
    freq: 10,
  }),
});

describe('leaseTokens', () => {
  test('leases, charges, ends and gives back as the plain rules say, also for calls that come late', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const model = new ReferenceLeaseBucket();
        const holders = new Map<string, { used: number; granted: number; call: number }>();
        let limit = { rate: 7, burst: 10 };
        let nowUs = 1_700_000_000_000_000;
        // The plain rules go first: what a holder may use next follows from what it was granted.
        const expected = steps.map((one) => {
          nowUs += one.afterUs;
          limit = one.limit ?? limit;
          const holder = holders.get(one.holder) ?? { used: 0, granted: 0, call: 0 };
          holders.set(one.holder, holder);
          const late = one.late && holder.call > 1;
          if (!late) {
            holder.used += Math.min(one.uses, Math.max(0, holder.granted - holder.used));
            holder.call += 1;
          }
          const call = {
            ...limit,
            nowUs,
            holder: one.holder,
            used: late ? Math.max(0, holder.used - one.uses) : holder.used,
            want: one.want,
            holdMs: 1_000,
            call: late ? holder.call - 1 : holder.call,
          };
          const reply = model.lease(call);
          if (!late) holder.granted = reply.granted;
          return { call, reply: [reply.granted, reply.nowUs, reply.waitUs, reply.holders] };
        });
        const [redis] = clients;
        if (redis === undefined) throw new Error('used before beforeAll');
        const calls = expected.map(({ call }) => ({
          nowUs: call.nowUs,
          args: [call.rate, call.burst, call.holder, call.used, call.want, call.holdMs, call.call],
        }));
        const replies = await runAt(redis, 'leaseTokens', flowLimitKey('lease', aName()), calls);
        expect(replies).toEqual(expected.map(({ reply }) => reply));
      }),
      { numRuns: 300, seed: 20261121 },
    );
  });

  test('holders on connections of their own never use more together than the bucket allows', async () => {
    const name = aName();
    const [rate, burst] = [200, 40];
    const uses: { atUs: number; permits: number }[] = [];
    await Promise.all(
      clients.map(async (redis, i) => {
        let used = 0;
        for (let call = 1; call <= 60; call += 1) {
          const reply = await leaseTokens(redis, name, {
            rate,
            burst,
            holder: `h${i}`,
            used,
            want: 10,
            holdMs: 60_000,
            call,
          });
          // Used at once: by the clock of Redis at the moment of the grant or later.
          if (reply.granted > used) uses.push({ atUs: reply.nowUs, permits: reply.granted - used });
          used = reply.granted;
        }
      }),
    );
    const model = new ReferenceTokenBucket(rate, burst);
    uses.sort((a, b) => a.atUs - b.atUs);
    for (const { atUs, permits } of uses) {
      expect(model.allows(atUs, permits)).toBe(true);
      model.grant(atUs, permits);
    }
    expect(uses.reduce((sum, { permits }) => sum + permits, 0)).toBeGreaterThanOrEqual(burst);
  });

  test('its key goes away by itself once the last lease has ended', async () => {
    const name = aName();
    const [redis] = clients;
    if (redis === undefined) throw new Error('used before beforeAll');
    await leaseTokens(redis, name, { rate: 10, burst: 10, holder: 'a', used: 0, want: 5, holdMs: 2_000, call: 1 });
    const ttl = await redis.pttl(flowLimitKey('lease', name));
    expect(ttl).toBeGreaterThan(2_000);
    expect(ttl).toBeLessThanOrEqual(12_001);
  });

  test('refuses arguments out of range', async () => {
    const [redis] = clients;
    if (redis === undefined) throw new Error('used before beforeAll');
    const good = { rate: 10, burst: 10, holder: 'a', used: 0, want: 5, holdMs: 2_000, call: 1 };
    for (const wrong of [{ rate: 0 }, { burst: 1.5 }, { holder: 'a b' }, { holder: '' }, { want: -1 }, { holdMs: 0 }]) {
      await expect(leaseTokens(redis, aName(), { ...good, ...wrong })).rejects.toThrow('unexpected reply');
    }
  });
});
