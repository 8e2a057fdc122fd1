import fc from 'fast-check';
import type { ClaimOutcome } from '../../src/claim-units';
import { activityKeys } from '../../src/keys';
import { aClaim, useLua } from './fixture';

const lua = useLua();

interface ModelClaim {
  readonly claimId: string;
  readonly user: number;
  readonly key: string;
  readonly quantity: number;
  released: boolean;
}

/** The rules of a claim in the plainest words: a list of claims and a number of units. */
class Model {
  readonly claims: ModelClaim[] = [];
  constructor(
    readonly limit: number,
    public available: number,
    readonly hiddenPath: boolean,
  ) {}

  claim(user: number, key: string, quantity: number, hasToken: boolean, claimId: string): string {
    const own = this.claims.filter((claim) => claim.user === user);
    const same = own.find((claim) => claim.key === key);
    if (same) return same.released || same.quantity !== quantity ? 'CONFLICT' : `REPLAY ${same.claimId}`;
    const held = own.filter((claim) => !claim.released);
    if (this.limit === 1 && held[0]) return `REPLAY ${held[0].claimId}`;
    if (this.hiddenPath && !hasToken) return 'PERMISSION_DENIED';
    if (held.reduce((sum, claim) => sum + claim.quantity, 0) + quantity > this.limit) return 'LIMIT_REACHED';
    if (this.available < quantity) return 'SOLD_OUT';
    this.available -= quantity;
    this.claims.push({ claimId, user, key, quantity, released: false });
    return `WON ${claimId}`;
  }
}

const describeOutcome = (outcome: ClaimOutcome | undefined): string => {
  if (outcome === undefined) return 'nothing';
  if (outcome.kind === 'refused') return outcome.code;
  return `${outcome.replayed ? 'REPLAY' : 'WON'} ${outcome.claimId}`;
};

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('claims' as const),
      claims: fc.array(
        fc.record({
          user: fc.integer({ min: 1, max: 4 }),
          key: fc.constantFrom('a', 'b', 'c', 'd'),
          quantity: fc.integer({ min: 1, max: 4 }),
          hasToken: fc.boolean(),
        }),
        { minLength: 1, maxLength: 6 },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), pick: fc.nat(20) }) },
);

describe('claim and release against a model', () => {
  test('any sequence of batches and releases is decided as the plain rules say, and every unit is accounted for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 12 }),
        fc.boolean(),
        fc.array(step, { minLength: 1, maxLength: 12 }),
        async (limit, total, hiddenPath, steps) => {
          const { activityId } = await lua.open({ perUserLimit: limit, total, hiddenPath });
          const model = new Model(limit, total, hiddenPath);
          for (const { kind, ...rest } of steps) {
            if (kind === 'claims' && 'claims' in rest) {
              const claims = rest.claims.map(({ user, key, quantity, hasToken }) =>
                aClaim(user, { idempotencyKey: key, quantity, hasToken }),
              );
              const expected = rest.claims.map(({ user, key, quantity, hasToken }, i) =>
                model.claim(user, key, quantity, hasToken, claims[i]?.claimId ?? ''),
              );
              const outcomes = await lua.outcomes(activityId, ...claims);
              expect(claims.map((_, i) => describeOutcome(outcomes[i]))).toEqual(expected);
            } else if ('pick' in rest && model.claims.length > 0) {
              const chosen = model.claims[rest.pick % model.claims.length];
              if (chosen === undefined) continue;
              const result = await lua.store.settle(activityId, {
                op: 'release',
                claimId: chosen.claimId as never,
                userId: String(chosen.user) as never,
                epoch: 1,
                reason: 'model',
              });
              expect(result.kind).toBe(chosen.released ? 'already' : 'released');
              if (!chosen.released) model.available += chosen.quantity;
              chosen.released = true;
            }
            // Invariant 8: the counters agree exactly, at every moment.
            const snapshot = await lua.store.snapshot(activityId);
            expect(snapshot).toMatchObject({ total, available: model.available, claimed: total - model.available });
          }
          expect(await lua.redis.xlen(activityKeys(activityId).outbox)).toBe(
            (await lua.store.snapshot(activityId))?.eventSeq,
          );
        },
      ),
      { numRuns: 60, seed: 20261121 },
    );
  });
});
