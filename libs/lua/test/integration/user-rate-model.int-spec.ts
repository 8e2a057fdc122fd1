import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { encodeClaimId } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import { claimKeys } from '../../src/claim-units';
import { activityKeys } from '../../src/keys';
import { REPLY } from '../../src/reply-codes';
import { withClockAt } from './controlled-clock';
import { useLua } from './fixture';

const lua = useLua();
const newId = (): string => encodeClaimId(Date.now(), randomBytes(10));

/** The limit per user in the plainest words: a list of counted tries, and what of the last second still counts. */
class ReferenceUserRate {
  private readonly tries: { readonly user: number; readonly second: number }[] = [];

  allows(user: number, nowMs: number, rate: number): boolean {
    if (rate === 0) return true;
    const second = Math.floor(nowMs / 1_000);
    const count = (of: number): number => this.tries.filter((one) => one.user === user && one.second === of).length;
    if (count(second) + count(second - 1) * (1 - (nowMs % 1_000) / 1_000) >= rate) return false;
    this.tries.push({ user, second });
    return true;
  }
}

const users = fc.integer({ min: 1, max: 3 });
/** Undefined: the activity's own. */
const rateInForce = fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined });
const step = fc.record({
  afterMs: fc.oneof(fc.constantFrom(0, 1, 250, 999, 1_000, 2_500), fc.integer({ min: 0, max: 1_500 })),
  rate: rateInForce,
  by: fc.oneof(
    fc.record({ claims: fc.array(users, { minLength: 1, maxLength: 6 }), options: fc.constantFrom('R', 'TR', 'RT') }),
    fc.record({ ticketOf: users }),
  ),
});

/** @returns per claim whether the rate let it pass */
async function claimAt(
  id: ActivityId,
  nowMs: number,
  buyers: readonly number[],
  options: readonly string[],
): Promise<boolean[]> {
  const claims = buyers.flatMap((user) => [String(user), newId(), '1', '']);
  const keys = claimKeys(id);
  const text = withClockAt('claimUnits', nowMs * 1_000);
  const reply = (await lua.redis.eval(text, keys.length, ...keys, lua.runId, ...claims, ...options)) as number[];
  expect(reply[0]).toBe(0);
  return reply.slice(4).map((entry) => {
    expect([1, REPLY.SOLD_OUT, REPLY.RATE_LIMITED]).toContain(entry);
    return entry !== REPLY.RATE_LIMITED;
  });
}

async function enqueueAt(id: ActivityId, nowMs: number, user: number, rate: number | undefined): Promise<boolean> {
  const k = activityKeys(id);
  const keys = [k.activity, k.stock, k.user, k.rateEven, k.rateOdd, k.stats, k.queue, k.tickets, k.finishedTickets];
  const args = [lua.runId, newId(), String(user), newId(), '1', '', '60000', '1000', '0', rate ?? '', '10000'];
  const text = withClockAt('enqueueTicket', nowMs * 1_000);
  const [code] = (await lua.redis.eval(text, keys.length, ...keys, ...args)) as number[];
  expect([1, REPLY.RATE_LIMITED]).toContain(code);
  return code === 1;
}

describe('the rate per user against a model', () => {
  test('claims and tickets are counted together and limited by the rate in force, or else by that of the activity', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 4 }),
        fc.constantFrom(2, 1_000),
        fc.array(step, { minLength: 1, maxLength: 20 }),
        async (own, total, steps) => {
          const { activityId } = await lua.open({
            perUserLimit: 999,
            total,
            userRatePerSecond: own,
            startMs: 1_000,
            endMs: 4_000_000_000_000,
          });
          const model = new ReferenceUserRate();
          let nowMs = 1_000_000_000;
          for (const { afterMs, rate, by } of steps) {
            nowMs += afterMs;
            const inForce = rate ?? own;
            if ('ticketOf' in by) {
              const expected = model.allows(by.ticketOf, nowMs, inForce);
              expect(await enqueueAt(activityId, nowMs, by.ticketOf, rate)).toBe(expected);
              continue;
            }
            const given = { R: rate === undefined ? '' : `R${rate}`, T: `T${'0'.repeat(by.claims.length)}` };
            const options = [...by.options].map((name) => given[name as 'R' | 'T']).filter((option) => option !== '');
            const expected = by.claims.map((user) => model.allows(user, nowMs, inForce));
            expect(await claimAt(activityId, nowMs, by.claims, options)).toEqual(expected);
          }
        },
      ),
      { numRuns: 150, seed: 20261121 },
    );
  }, 60_000);

  test.each([
    ['a rate that is no number', ['Rx']],
    ['a rate below nothing', ['R-1']],
    ['an empty rate', ['R']],
    ['two rates', ['R1', 'R2']],
    ['two lists of tokens', ['T0', 'T1']],
    ['a token too few', ['T']],
    ['a token too many', ['T01']],
    ['something else', ['X1']],
    ['three options', ['T0', 'R1', 'R1']],
  ])('claims with %s are refused before anything is written', async (_name, options) => {
    const { activityId } = await lua.open();
    const keys = claimKeys(activityId);
    const text = withClockAt('claimUnits', Date.now() * 1_000);
    const args = [lua.runId, '1', newId(), '1', '', ...options];
    expect(await lua.redis.eval(text, keys.length, ...keys, ...args)).toEqual([REPLY.INVALID_ARGUMENTS]);
    expect(await lua.store.snapshot(activityId)).toMatchObject({ claimed: 0 });
  });

  test.each([
    ['neither with nor without a token', '2', ''],
    ['nothing said about a token', '', ''],
    ['a rate that is no number', '0', 'x'],
    ['a rate below nothing', '0', '-1'],
  ])('a ticket with %s is refused before anything is written', async (_name, token, rate) => {
    const { activityId } = await lua.open();
    const k = activityKeys(activityId);
    const keys = [k.activity, k.stock, k.user, k.rateEven, k.rateOdd, k.stats, k.queue, k.tickets, k.finishedTickets];
    const args = [lua.runId, newId(), '1', newId(), '1', '', '60000', '1000', token, rate];
    const text = withClockAt('enqueueTicket', Date.now() * 1_000);
    expect(await lua.redis.eval(text, keys.length, ...keys, ...args)).toEqual([REPLY.INVALID_ARGUMENTS]);
    expect(await lua.redis.exists(k.queue, k.tickets)).toBe(0);
  });
});
