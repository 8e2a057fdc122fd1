import { eventually } from '@coupon/testing';
import type { LeaseOutcome, SharedGeneration, SharedTier } from '../../src/tier';

const LONG_MS = 60_000;
let keys = 0;
const newKey = (): string => `lease${(keys += 1)}`;
const one = { codecVersion: 3, payload: 'one' };

function granted(outcome: LeaseOutcome): SharedGeneration {
  if (outcome.kind !== 'granted') throw new Error(`the lease was not granted: ${outcome.kind}`);
  return outcome.generation;
}

/** What the shared levels promise about who loads. */
export function describeLeases(
  name: string,
  underTest: () => { readonly tier: SharedTier; readonly advance: (ms: number) => void },
): void {
  describe(`${name}: leases`, () => {
    test('one reader loads, the others are told to wait, then have the value', async () => {
      const { tier } = underTest();
      const key = newKey();
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => tier.lease(key, LONG_MS)));
      expect(outcomes.filter(({ kind }) => kind === 'granted')).toHaveLength(1);
      const others = outcomes.flatMap((outcome) => (outcome.kind === 'taken' ? [outcome.forMs] : []));
      expect(others).toHaveLength(19);
      for (const forMs of others) expect(forMs).toBeGreaterThan(LONG_MS / 2);
      const holder = outcomes.find(({ kind }) => kind === 'granted') as LeaseOutcome;
      expect(await tier.fill(key, granted(holder), one, LONG_MS)).toBe(true);
      expect(await tier.lease(key, LONG_MS)).toMatchObject({ kind: 'value', entry: one });
    });

    test('given back, or ended, it is granted to the next; a late holder does not end that one', async () => {
      const { tier, advance } = underTest();
      const key = newKey();
      await tier.abandon(key, granted(await tier.lease(key, LONG_MS)));
      const killed = granted(await tier.lease(key, 30));
      advance(31);
      const next = await eventually(async () => granted(await tier.lease(key, LONG_MS)));
      await tier.abandon(key, killed);
      expect((await tier.lease(key, LONG_MS)).kind).toBe('taken');
      expect(await tier.fill(key, next ?? killed, one, LONG_MS)).toBe(true);
    });

    test('who has waited in vain and has no lease may store under the generation he was told', async () => {
      const { tier } = underTest();
      const key = newKey();
      await tier.lease(key, LONG_MS);
      const waiter = await tier.lease(key, LONG_MS);
      if (waiter.kind !== 'taken') throw new Error(waiter.kind);
      expect(await tier.fill(key, waiter.generation, one, LONG_MS)).toBe(true);
    });

    test('an invalidation ends the lease: the next reader need not wait for one who reads the old value', async () => {
      const { tier } = underTest();
      const key = newKey();
      const slow = granted(await tier.lease(key, LONG_MS));
      await tier.invalidate(key, 'v1');
      const next = granted(await tier.lease(key, LONG_MS));
      expect(await tier.fill(key, slow, { ...one, payload: 'old' }, LONG_MS)).toBe(false);
      expect((await tier.lease(key, LONG_MS)).kind).toBe('taken');
      expect(await tier.fill(key, next, one, LONG_MS)).toBe(true);
    });

    test('the same change announced twice does not remove what came after it; an older one, repeated, does', async () => {
      const { tier } = underTest();
      const key = newKey();
      await tier.invalidate(key, 'v1');
      await tier.fill(key, granted(await tier.lease(key, LONG_MS)), one, LONG_MS);
      await tier.invalidate(key, 'v1');
      expect(await tier.read(key)).toMatchObject({ ...one, versions: ['v1'] });
      await tier.invalidate(key, 'v2');
      expect(await tier.read(key)).toBeUndefined();
    });

    test('a value the reader cannot use is replaced, without losing the changes it came after', async () => {
      const { tier } = underTest();
      const key = newKey();
      await tier.invalidate(key, 'v1');
      await tier.fill(key, granted(await tier.lease(key, LONG_MS)), { ...one, payload: '{' }, LONG_MS);
      const { generation = '' } = (await tier.read(key)) ?? {};
      const next = granted(await tier.lease(key, LONG_MS, generation));
      expect(await tier.fill(key, next, one, LONG_MS)).toBe(true);
      expect(await tier.read(key)).toMatchObject({ ...one, versions: ['v1'] });
    });

    test('all keys can be invalidated at once, fills under way included', async () => {
      const { tier } = underTest();
      const stored = Array.from({ length: 500 }, newKey);
      await Promise.all(stored.map(async (key) => tier.fill(key, await tier.begin(key), one, LONG_MS)));
      const slow = newKey();
      const generation = await tier.begin(slow);
      await tier.invalidateAll('all1');
      expect(await tier.readMany(stored)).toEqual(stored.map(() => undefined));
      expect(await tier.fill(slow, generation, one, LONG_MS)).toBe(false);
    });

    test('absence is a value, and several keys are read at once', async () => {
      const { tier } = underTest();
      const [there, gone, unknown] = [newKey(), newKey(), newKey()];
      const none = { codecVersion: 3, payload: null };
      await tier.fill(there, await tier.begin(there), one, LONG_MS);
      await tier.fill(gone, await tier.begin(gone), none, LONG_MS);
      const entries = await tier.readMany([there, unknown, gone]);
      expect(entries).toMatchObject([one, undefined, none]);
    });
  });
}
