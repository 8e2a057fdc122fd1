import fc from 'fast-check';
import type { Redis } from 'ioredis';
import {
  ReferenceFixedWindow,
  ReferenceSlidingWindow,
  ReferenceTokenBucket,
  seededRandom,
  useRedisDatabase,
} from '@coupon/testing';
import type { ReferenceLimit } from '@coupon/testing';
import { createClaimRedis } from '../../src/claim-redis';
import { takeFixedWindow, takeSlidingWindow, takeTokenBucket } from '../../src/flow-limits';
import type { SharedTake } from '../../src/flow-limits';
import { flowLimitKey } from '../../src/keys';
import type { FlowLimitKind } from '../../src/keys';
import type { ClaimRedis, ScriptName } from '../../src/run-script';
import { runAt } from './controlled-clock';

const database = useRedisDatabase();
const clients: Redis[] = [];
let names = 0;
const aName = (): string => `spec:${(names += 1)}`;

beforeAll(async () => {
  for (let i = 0; i < 8; i += 1) {
    const redis = createClaimRedis(database.url);
    await redis.connect();
    clients.push(redis);
  }
});
afterAll(() => {
  for (const redis of clients) redis.disconnect();
});
const client = (i = 0): Redis => {
  const redis = clients[i % clients.length];
  if (redis === undefined) throw new Error('used before beforeAll');
  return redis;
};

type Pair = readonly [number, number];

interface Kind {
  readonly name: string;
  readonly script: ScriptName;
  readonly key: FlowLimitKind;
  readonly args: (pair: Pair, permits: number, least: number) => number[];
  readonly take: (redis: ClaimRedis, name: string, pair: Pair, permits: number) => Promise<SharedTake>;
  readonly reference: (pair: Pair) => ReferenceLimit & { reconfigure(atUs: number, a: number, b: number): void };
  readonly pairs: fc.Arbitrary<Pair>;
  readonly partial: boolean;
}

const windows = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(1, 7, 100, 1_000));
const kinds: readonly Kind[] = [
  {
    name: 'takeTokenBucket',
    script: 'takeTokenBucket',
    key: 'bucket',
    args: ([rate, burst], permits, least) => [rate, burst, permits, least],
    take: (redis, name, [rate, burst], permits) => takeTokenBucket(redis, name, { rate, burst }, permits),
    reference: (pair) => new ReferenceTokenBucket(...pair),
    pairs: fc.tuple(fc.constantFrom(1, 3, 7, 500, 30_011), fc.integer({ min: 1, max: 12 })),
    partial: true,
  },
  {
    name: 'takeSlidingWindow',
    script: 'takeSlidingWindow',
    key: 'sliding',
    args: ([limit, windowMs], permits) => [limit, windowMs, permits],
    take: (redis, name, [limit, windowMs], permits) => takeSlidingWindow(redis, name, { limit, windowMs }, permits),
    reference: (pair) => new ReferenceSlidingWindow(...pair),
    pairs: windows,
    partial: false,
  },
  {
    name: 'takeFixedWindow',
    script: 'takeFixedWindow',
    key: 'fixed',
    args: ([limit, windowMs], permits) => [limit, windowMs, permits],
    take: (redis, name, [limit, windowMs], permits) => takeFixedWindow(redis, name, { limit, windowMs }, permits),
    reference: (pair) => new ReferenceFixedWindow(...pair),
    pairs: windows,
    partial: false,
  },
];

const pause = fc.oneof(
  fc.constantFrom(0, 1, 999, 1_000, 1_001, 33_333, 100_000, 1_000_000),
  fc.integer({ min: 0, max: 50_000 }),
  fc.integer({ min: 0, max: 5_000_000 }),
);

describe.each(kinds)('$name', ({ script, key, args, take, reference, pairs, partial }) => {
  const step = fc.record({
    afterUs: pause,
    permits: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 14 })),
    spare: fc.nat(13),
    change: fc.option(pairs, { freq: 8 }),
  });

  test('grants what its definition grants, keeps what was used across a change of the limit, and says exactly how long to wait', async () => {
    await fc.assert(
      fc.asyncProperty(
        pairs,
        fc.integer({ min: 1_700_000_000_000_000, max: 1_700_000_100_000_000 }),
        fc.array(step, { minLength: 1, maxLength: 40 }),
        async (first, startUs, steps) => {
          let now = startUs;
          let pair = first;
          const calls = steps.map(({ afterUs, permits, spare, change }) => {
            now += afterUs;
            pair = change ?? pair;
            const least = partial ? Math.max(1, permits - spare) : permits;
            return { nowUs: now, pair, permits, least, changed: change !== null, args: args(pair, permits, least) };
          });
          const replies = await runAt(client(), script, flowLimitKey(key, aName()), calls);
          const model = reference(first);
          calls.forEach(({ nowUs, permits, least, pair: limits, changed }, i) => {
            if (changed) model.reconfigure(nowUs, ...limits);
            const [granted = -1, repliedUs, waitUs = -2] = replies[i] ?? [];
            expect(repliedUs).toBe(nowUs);
            let expected = 0;
            for (let n = permits; n >= least && expected === 0; n -= 1) if (model.allows(nowUs, n)) expected = n;
            expect(granted).toBe(expected);
            if (expected > 0) {
              expect(waitUs).toBe(0);
              model.grant(nowUs, expected);
            } else if (waitUs === -1) {
              expect(model.allows(nowUs + 1e10, least)).toBe(false);
            } else {
              expect(model.allows(nowUs + waitUs, least)).toBe(true);
              expect(model.allows(nowUs + waitUs - 1, least)).toBe(false);
            }
          });
        },
      ),
      { numRuns: 150, seed: 20261121 },
    );
  });

  test('many clients at once get what one caller would have got, by the clock of Redis', async () => {
    const pair: Pair = [20, 50];
    const name = aName();
    const random = seededRandom(20261121);
    const takes = await Promise.all(
      clients.map(async (redis) => {
        const replies: (SharedTake & { permits: number })[] = [];
        for (let i = 0; i < 60; i += 1) {
          const permits = random.int(1, 3);
          replies.push({ permits, ...(await take(redis, name, pair, permits)) });
        }
        return replies;
      }),
    );
    const model = reference(pair);
    const inOrder = takes.flat().sort((a, b) => a.nowUs - b.nowUs);
    expect(inOrder).toHaveLength(480);
    for (const { nowUs, permits, granted } of inOrder) {
      expect(granted).toBe(model.allows(nowUs, permits) ? permits : 0);
      if (granted > 0) model.grant(nowUs, granted);
    }
    expect(inOrder.filter(({ granted }) => granted > 0).length).toBeGreaterThan(0);
  });

  test('grants nothing extra when the clock is set back, and refuses no longer either', async () => {
    const now = 1_700_000_000_000_000;
    const at = (nowUs: number): { nowUs: number; args: number[] } => ({ nowUs, args: args([3, 5], 1, 1) });
    for (const backUs of [3_000, 60_000_000]) {
      const calls = [...Array.from({ length: 5 }, () => at(now)), at(now - backUs), at(now)];
      const replies = await runAt(client(), script, flowLimitKey(key, aName()), calls);
      expect(replies.map(([granted]) => granted).slice(0, 3)).toEqual([1, 1, 1]);
      expect(replies[5]?.[0]).toBe(0);
      // Nor does it refuse for as long as the clock was set back.
      expect(replies[5]?.[2]).toBeLessThan(1_000_000);
      if (backUs === 3_000) expect(replies[6]?.[0]).toBe(0);
    }
  });

  test('its key goes away by itself, and a refusal writes nothing', async () => {
    const name = aName();
    const at = { nowUs: 1_700_000_000_000_000, args: args([1, 1], 1, 1) };
    await runAt(client(), script, flowLimitKey(key, name), [at]);
    const written = await client().hgetall(flowLimitKey(key, name));
    expect(await client().pttl(flowLimitKey(key, name))).toBeGreaterThan(1);
    expect(await client().pttl(flowLimitKey(key, name))).toBeLessThan(20_000);
    await client().persist(flowLimitKey(key, name));
    expect((await runAt(client(), script, flowLimitKey(key, name), [at]))[0]?.[0]).toBe(0);
    expect(await client().hgetall(flowLimitKey(key, name))).toEqual(written);
    expect(await client().pttl(flowLimitKey(key, name))).toBe(-1);
  });

  test('refuses arguments that are no whole numbers in range', async () => {
    for (const wrong of [
      [0, 5],
      [1.5, 5],
      [5, 0],
      [5, 99_999_999],
    ] as const) {
      await expect(take(client(), aName(), wrong, 1)).rejects.toThrow('unexpected reply');
    }
    await expect(take(client(), aName(), [5, 5], 0)).rejects.toThrow('unexpected reply');
    await expect(take(client(), 'a{b}', [5, 5], 1)).rejects.toThrow(RangeError);
  });
});
