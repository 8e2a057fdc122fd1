import fc from 'fast-check';
import type { SharedTake } from '@coupon/lua';
import { ReferenceFixedWindow, ReferenceSlidingWindow, ReferenceTokenBucket } from '@coupon/testing';
import type { ReferenceLimit } from '@coupon/testing';
import type { LimitDecision } from './decision';
import { FixedWindowRule } from './fixed-window';
import { LocalLimiter } from './local-limiter';
import { RedisLimiter } from './redis-limiter';
import { SlidingWindowRule } from './sliding-window';
import { TokenBucketRule } from './token-bucket';

type Pair = readonly [number, number];
type Reference = ReferenceLimit & { reconfigure(atUs: number, a: number, b: number): void };

/** A limiter as its users see it, and the clock it reads. */
interface Subject {
  decide(permits: number): LimitDecision | Promise<LimitDecision>;
  reconfigure(pair: Pair): void;
}

interface Kind {
  readonly name: string;
  readonly local: (pair: Pair, nowMs: () => number) => Subject;
  readonly reference: (pair: Pair) => Reference;
  readonly pairs: fc.Arbitrary<Pair>;
}

const localOf = <S>(limiter: LocalLimiter<S>, settings: (pair: Pair) => S): Subject => ({
  decide: (permits) => limiter.decide('activity', permits),
  reconfigure: (pair) => limiter.reconfigure(settings(pair)),
});
const bucket = ([rate, burst]: Pair): { rate: number; burst: number } => ({ rate, burst });
const window = ([limit, windowMs]: Pair): { limit: number; windowMs: number } => ({ limit, windowMs });
const windows = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.constantFrom(7, 100, 1_000));

const kinds: readonly Kind[] = [
  {
    name: 'token bucket',
    local: (pair, nowMs) => localOf(new LocalLimiter(new TokenBucketRule(bucket(pair)), nowMs), bucket),
    reference: (pair) => new ReferenceTokenBucket(...pair),
    pairs: fc.tuple(fc.constantFrom(1, 3, 7, 500), fc.integer({ min: 1, max: 8 })),
  },
  {
    name: 'sliding window',
    local: (pair, nowMs) => localOf(new LocalLimiter(new SlidingWindowRule(window(pair)), nowMs), window),
    reference: (pair) => new ReferenceSlidingWindow(...pair),
    pairs: windows,
  },
  {
    name: 'fixed window',
    local: (pair, nowMs) => localOf(new LocalLimiter(new FixedWindowRule(window(pair)), nowMs), window),
    reference: (pair) => new ReferenceFixedWindow(...pair),
    pairs: windows,
  },
];

/** The definition in Redis' place: what the scripts answer, whose own tests compare them with it. */
function sharedOf({ reference }: Kind, first: Pair, nowUs: () => number): Subject {
  const model = reference(first);
  let current = first;
  const take = async (_: unknown, __: string, pair: Pair, permits: number): Promise<SharedTake> => {
    if (pair !== current) model.reconfigure(nowUs(), ...pair);
    current = pair;
    const granted = model.allows(nowUs(), permits) ? permits : 0;
    if (granted > 0) model.grant(nowUs(), granted);
    return { granted, nowUs: nowUs(), waitUs: granted > 0 ? 0 : waitOf(model, nowUs(), permits) };
  };
  const limiter = new RedisLimiter<Pair>(null as never, { validate: () => undefined, take }, first);
  return {
    decide: (permits) => limiter.decide('activity', 'name', permits),
    reconfigure: (pair) => limiter.reconfigure(pair),
  };
}

/** The least wait in microseconds by bisection, Infinity when there is none. */
function waitOf(model: Reference, nowUs: number, permits: number): number {
  let [low, high] = [0, 2 ** 34];
  if (!model.allows(nowUs + high, permits)) return Infinity;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (model.allows(nowUs + middle, permits)) high = middle;
    else low = middle;
  }
  return high;
}

const step = (pairs: fc.Arbitrary<Pair>) =>
  fc.record({
    /** Eighths of a millisecond: clocks tell fractions. */
    after: fc.oneof(fc.constantFrom(0, 1, 8, 800, 8_000), fc.nat(400), fc.nat(40_000)),
    permits: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 9 })),
    change: fc.option(pairs, { freq: 8 }),
  });

describe.each(
  kinds.flatMap((kind) => [
    { where: 'LocalLimiter', ...kind },
    { where: 'RedisLimiter', ...kind },
  ]),
)('$where, $name', (kind) => {
  it('answers what its definition says, which limit, and in whole milliseconds when to come back', async () => {
    await fc.assert(
      fc.asyncProperty(kind.pairs, fc.array(step(kind.pairs), { maxLength: 40 }), async (first, steps) => {
        let eighths = 8 * 1_700_000_000;
        const nowUs = (): number => eighths * 125;
        const subject =
          kind.where === 'LocalLimiter' ? kind.local(first, () => eighths / 8) : sharedOf(kind, first, nowUs);
        const model = kind.reference(first);
        for (const { after, permits, change } of steps) {
          eighths += after;
          if (change !== null) {
            subject.reconfigure(change);
            model.reconfigure(nowUs(), ...change);
          }
          const decision = await subject.decide(permits);
          expect(decision.allowed).toBe(model.allows(nowUs(), permits));
          if (decision.allowed) {
            model.grant(nowUs(), permits);
            continue;
          }
          expect(decision.limit).toBe('activity');
          const waitUs = waitOf(model, nowUs(), permits);
          expect(decision.retryAfterMs).toBe(Math.ceil(waitUs / 1_000));
        }
      }),
      { numRuns: 300, seed: 20261121 },
    );
  });
});
