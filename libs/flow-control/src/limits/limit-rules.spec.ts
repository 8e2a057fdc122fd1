import fc from 'fast-check';
import { ReferenceFixedWindow, ReferenceSlidingWindow, ReferenceTokenBucket } from '@coupon/testing';
import type { ReferenceLimit } from '@coupon/testing';
import { FixedWindowRule } from './fixed-window';
import type { LimitRule } from './limit-rule';
import { SlidingWindowRule } from './sliding-window';
import { TokenBucketRule } from './token-bucket';

/** A limit as two whole numbers: rate and burst, or limit and window length. */
type Pair = readonly [number, number];

type Step =
  | { readonly kind: 'take'; readonly afterUs: number; readonly permits: number }
  | { readonly kind: 'reconfigure'; readonly afterUs: number; readonly to: Pair };

interface Kind<S> {
  readonly name: string;
  readonly rule: (pair: Pair) => LimitRule<S>;
  readonly settings: (pair: Pair) => S;
  readonly reference: (pair: Pair) => ReferenceLimit & { reconfigure(atUs: number, a: number, b: number): void };
  readonly pairs: fc.Arbitrary<Pair>;
}

const windows = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(1, 7, 100, 1_000));

const kinds: readonly Kind<never>[] = [
  {
    name: 'token bucket',
    rule: ([rate, burst]) => new TokenBucketRule({ rate, burst }),
    settings: ([rate, burst]) => ({ rate, burst }),
    reference: ([rate, burst]) => new ReferenceTokenBucket(rate, burst),
    pairs: fc.tuple(fc.constantFrom(1, 3, 7, 500, 30_011), fc.integer({ min: 1, max: 12 })),
  } satisfies Kind<{ rate: number; burst: number }>,
  {
    name: 'sliding window',
    rule: ([limit, windowMs]) => new SlidingWindowRule({ limit, windowMs }),
    settings: ([limit, windowMs]) => ({ limit, windowMs }),
    reference: (pair) => new ReferenceSlidingWindow(...pair),
    pairs: windows,
  } satisfies Kind<{ limit: number; windowMs: number }>,
  {
    name: 'fixed window',
    rule: ([limit, windowMs]) => new FixedWindowRule({ limit, windowMs }),
    settings: ([limit, windowMs]) => ({ limit, windowMs }),
    reference: (pair) => new ReferenceFixedWindow(...pair),
    pairs: windows,
  } satisfies Kind<{ limit: number; windowMs: number }>,
] as unknown as readonly Kind<never>[];

const pause = fc.oneof(
  fc.constantFrom(0, 1, 999, 1_000, 1_001, 33_333, 100_000, 1_000_000),
  fc.integer({ min: 0, max: 50_000 }),
  fc.integer({ min: 0, max: 5_000_000 }),
);

describe.each(kinds)('$name', ({ rule, settings, reference, pairs }) => {
  const steps = fc.array(
    fc.oneof(
      {
        weight: 9,
        arbitrary: fc.record({
          kind: fc.constant('take' as const),
          afterUs: pause,
          permits: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 14 })),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('reconfigure' as const), afterUs: pause, to: pairs }) },
    ),
    { maxLength: 60 },
  );
  const start = fc.integer({ min: 1_700_000_000_000_000, max: 1_700_000_100_000_000 });

  it('grants what its definition grants, keeps what was used across a change of the limit, and says exactly how long to wait', () => {
    fc.assert(
      fc.property(pairs, start, steps, (first, startUs, list: readonly Step[]) => {
        const limit = rule(first);
        const model = reference(first);
        const state = new Float64Array(limit.width);
        let now = startUs;
        for (const step of list) {
          now += step.afterUs;
          if (step.kind === 'reconfigure') {
            limit.carryOver(state, 0, now, settings(step.to));
            limit.apply(settings(step.to));
            model.reconfigure(now, ...step.to);
            continue;
          }
          const allowed = model.allows(now, step.permits);
          const wait = limit.take(state, 0, now, step.permits);
          expect(wait === 0).toBe(allowed);
          if (allowed) model.grant(now, step.permits);
          else if (wait === Infinity) expect(model.allows(now + 1e10, step.permits)).toBe(false);
          else {
            expect(model.allows(now + wait, step.permits)).toBe(true);
            expect(model.allows(now + wait - 1, step.permits)).toBe(false);
          }
        }
      }),
      { numRuns: 2_000, seed: 20261121 },
    );
  });

  it('calls a state idle only when forgetting it changes no later answer', () => {
    fc.assert(
      fc.property(
        pairs,
        start,
        steps,
        fc.array(pause, { minLength: 1, maxLength: 20 }),
        (pair, startUs, list, later) => {
          const limit = rule(pair);
          const state = new Float64Array(limit.width);
          let now = startUs;
          for (const step of list) {
            now += step.afterUs;
            if (step.kind === 'take') limit.take(state, 0, now, step.permits);
            if (!limit.isIdle(state, 0, now)) continue;
            const fresh = new Float64Array(limit.width);
            const kept = state.slice();
            let then = now;
            for (const gap of later) {
              then += gap;
              expect(limit.take(kept, 0, then, 1)).toBe(limit.take(fresh, 0, then, 1));
            }
          }
        },
      ),
      { numRuns: 500, seed: 20261121 },
    );
  });

  it('becomes idle again', () => {
    const limit = rule([3, 5]);
    const state = new Float64Array(limit.width);
    expect(limit.take(state, 0, 1e12, 2)).toBe(0);
    expect(limit.isIdle(state, 0, 1e12)).toBe(false);
    expect(limit.isIdle(state, 0, 1e12 + 1e8)).toBe(true);
  });

  it('gives back a grant as if it had not been made', () => {
    fc.assert(
      fc.property(pairs, start, fc.array(pause, { maxLength: 20 }), (pair, startUs, gaps) => {
        const limit = rule(pair);
        const state = new Float64Array(limit.width);
        let now = startUs;
        for (const gap of gaps) {
          now += gap;
          const before = state.slice();
          if (limit.take(state, 0, now, 1) !== 0) continue;
          limit.giveBack(state, 0, 1);
          const later = now + gap;
          expect(limit.take(state.slice(), 0, later, 1)).toBe(limit.take(before, 0, later, 1));
          limit.take(state, 0, now, 1);
        }
      }),
      { numRuns: 500, seed: 20261121 },
    );
  });

  it('grants nothing extra when its clock is set back', () => {
    const limit = rule([3, 5]);
    const state = new Float64Array(limit.width);
    const now = 1_700_000_000_000_000;
    let granted = 0;
    for (let i = 0; i < 20; i += 1) if (limit.take(state, 0, now, 1) === 0) granted += 1;
    expect(limit.take(state, 0, now - 60_000_000, 1)).toBeGreaterThan(0);
    expect(granted).toBeLessThanOrEqual(5);
  });

  it.each([0, -1, 1.5, Number.NaN, 1e9])('refuses %p as a limit and names the setting', (wrong) => {
    expect(() => rule([wrong, 5])).toThrow(/^(rate|limit) must be a whole number/);
    expect(() => rule([5, wrong])).toThrow(/^(burst|windowMs) must be a whole number/);
  });
});
