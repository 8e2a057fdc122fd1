import fc from 'fast-check';
import { eventually } from '@coupon/testing';
import type { Awaitable } from '../../src/tier';

/** A level with text for values; `advance` lets time pass where time can be made to. */
export interface TierUnderTest<G = unknown> {
  read(key: string): Awaitable<string | undefined>;
  begin(key: string): Awaitable<G>;
  fill(key: string, generation: G, text: string, ttlMs: number): Awaitable<boolean>;
  abandon(key: string, generation: G): Awaitable<void>;
  invalidate(key: string, version: string): Awaitable<void>;
  advance(ms: number): Awaitable<void>;
}

const LONG_MS = 60_000;
let keys = 0;
const newKey = (): string => `k${(keys += 1)}`;

/** What every level promises, in process or shared. */
export function describeCacheTier(name: string, tierOf: () => TierUnderTest, runs: number): void {
  describe(`${name} as a cache tier`, () => {
    test('has what was filled, and nothing else', async () => {
      const [tier, key] = [tierOf(), newKey()];
      expect(await tier.read(key)).toBeUndefined();
      expect(await tier.fill(key, await tier.begin(key), 'one', LONG_MS)).toBe(true);
      expect(await tier.read(key)).toBe('one');
      expect(await tier.read(newKey())).toBeUndefined();
    });

    test('forgets a value at the end of its time to live', async () => {
      const [tier, key] = [tierOf(), newKey()];
      await tier.fill(key, await tier.begin(key), 'one', 40);
      await tier.advance(41);
      await eventually(async () => (await tier.read(key)) === undefined);
    });

    test('slow reader: what was read before an invalidation is not stored after it', async () => {
      const [tier, key] = [tierOf(), newKey()];
      const slow = await tier.begin(key);
      await tier.invalidate(key, 'v1');
      expect(await tier.fill(key, slow, 'old', LONG_MS)).toBe(false);
      expect(await tier.read(key)).toBeUndefined();
    });

    test('slow reader: nor over the value of a reader who came after it', async () => {
      const [tier, key] = [tierOf(), newKey()];
      const slow = await tier.begin(key);
      await tier.invalidate(key, 'v1');
      expect(await tier.fill(key, await tier.begin(key), 'new', LONG_MS)).toBe(true);
      expect(await tier.fill(key, slow, 'old', LONG_MS)).toBe(false);
      expect(await tier.read(key)).toBe('new');
    });

    test('slow reader: nor after many invalidations, the same ones repeated included', async () => {
      const [tier, key] = [tierOf(), newKey()];
      await tier.invalidate(key, 'v0');
      const slow = await tier.begin(key);
      for (const version of ['v1', 'v2', 'v3', 'v4', 'v5', 'v0', 'v1']) await tier.invalidate(key, version);
      expect(await tier.fill(key, slow, 'old', LONG_MS)).toBe(false);
    });

    test('slow reader: nor when the mark of the invalidation has ended', async () => {
      const [tier, key] = [tierOf(), newKey()];
      const slow = await tier.begin(key);
      await tier.invalidate(key, 'v1');
      await tier.advance(LONG_MS);
      await eventually(async () => {
        expect(await tier.fill(key, slow, 'old', LONG_MS)).toBe(false);
      });
      expect(await tier.read(key)).toBeUndefined();
    });

    test('removes a value that is invalidated, and leaves other keys alone', async () => {
      const [tier, key, other] = [tierOf(), newKey(), newKey()];
      for (const one of [key, other]) await tier.fill(one, await tier.begin(one), one, LONG_MS);
      await tier.invalidate(key, 'v1');
      expect([await tier.read(key), await tier.read(other)]).toEqual([undefined, other]);
    });

    test('an abandoned fill leaves the key to the next one', async () => {
      const [tier, key] = [tierOf(), newKey()];
      await tier.abandon(key, await tier.begin(key));
      expect(await tier.fill(key, await tier.begin(key), 'one', LONG_MS)).toBe(true);
    });

    test('never holds what was read before the last invalidation, in any order of calls', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => replay(tierOf(), steps)),
        { numRuns: runs, seed: 7 },
      );
    });
  });
}

type Step =
  { readonly do: 'begin' | 'read' | 'invalidate' } | { readonly do: 'fill' | 'abandon'; readonly which: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('begin' as const, 'invalidate' as const, 'read' as const) }),
  fc.record({ do: fc.constantFrom('fill' as const, 'fill' as const, 'abandon' as const), which: fc.nat(5) }),
);

/** The origin is a number that rises with every change; a change is announced at once. */
async function replay(tier: TierUnderTest, steps: readonly Step[]): Promise<void> {
  const key = newKey();
  let origin = 0;
  const readers: { generation: unknown; seen: number }[] = [];
  for (const one of steps) {
    if (one.do === 'begin') readers.push({ generation: await tier.begin(key), seen: origin });
    else if (one.do === 'invalidate') await tier.invalidate(key, `v${(origin += 1)}`);
    else if (one.do === 'read') expect([undefined, String(origin)]).toContain(await tier.read(key));
    else if ('which' in one) {
      const [reader] = readers.splice(one.which % Math.max(readers.length, 1), 1);
      if (reader === undefined) continue;
      if (one.do === 'abandon') await tier.abandon(key, reader.generation);
      else {
        const stored = await tier.fill(key, reader.generation, String(reader.seen), LONG_MS);
        if (reader.seen !== origin) expect(stored).toBe(false);
      }
    }
  }
  expect([undefined, String(origin)]).toContain(await tier.read(key));
}
