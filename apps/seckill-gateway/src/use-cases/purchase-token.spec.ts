import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import type { ActivityId, UserId } from '@coupon/domain';
import { PurchaseTokens } from './purchase-token';

const KEY = 'a key of the gateways of at least thirty-two bytes';
const OLD = 'the key before it, of at least thirty-two bytes';
const TTL_MS = 60_000;
const NOW_MS = 1_795_000_000_123;
const SEED = 20_261_121;

const tokens = new PurchaseTokens({ key: KEY, ttlMs: TTL_MS });
const activity = fc.integer({ min: 1, max: 9_999 }).map((id) => String(id) as ActivityId);
const user = fc.integer({ min: 1, max: 9_999 }).map((id) => String(id) as UserId);
const moment = fc.integer({ min: 0, max: 4_000_000_000_000 });

describe('the purchase token', () => {
  it('is good for its user and its activity until it expires, and no longer than it was asked for', () => {
    fc.assert(
      fc.property(
        activity,
        user,
        moment,
        fc.integer({ min: 0, max: 2 * TTL_MS }),
        (activityId, userId, nowMs, after) => {
          const { token, expiresMs } = tokens.mint(activityId, userId, nowMs);
          expect(expiresMs).toBeLessThanOrEqual(nowMs + TTL_MS);
          expect(expiresMs).toBeGreaterThan(nowMs + TTL_MS - 1_000);
          expect(tokens.verify(token, activityId, userId, nowMs + after)).toBe(nowMs + after < expiresMs);
          expect(tokens.verify(token, activityId, userId, expiresMs - 1)).toBe(true);
          expect(tokens.verify(token, activityId, userId, expiresMs)).toBe(false);
        },
      ),
      { seed: SEED, numRuns: 1_000 },
    );
  });

  it('is good for no other user and no other activity, wherever the digits are cut', () => {
    fc.assert(
      fc.property(activity, user, activity, user, (activityId, userId, otherActivity, otherUser) => {
        const { token } = tokens.mint(activityId, userId, NOW_MS);
        const same = otherActivity === activityId && otherUser === userId;
        expect(tokens.verify(token, otherActivity, otherUser, NOW_MS)).toBe(same);
        expect(tokens.verify(token, userId as string as ActivityId, activityId as string as UserId, NOW_MS)).toBe(
          (activityId as string) === userId,
        );
        const moved = [activityId.slice(0, -1), activityId.slice(-1) + userId] as [ActivityId, UserId];
        expect(tokens.verify(token, ...moved, NOW_MS)).toBe(false);
      }),
      { seed: SEED, numRuns: 1_000 },
    );
  });

  it('cannot be changed: not its expiry, not its value, not its form', () => {
    const change = fc.tuple(fc.nat(), fc.constantFrom(...'09azAZ-_.=+/ ~é'));
    fc.assert(
      fc.property(activity, user, change, (activityId, userId, [at, char]) => {
        const { token } = tokens.mint(activityId, userId, NOW_MS);
        const index = at % token.length;
        const changed = token.slice(0, index) + char + token.slice(index + 1);
        expect(tokens.verify(changed, activityId, userId, NOW_MS)).toBe(changed === token);
        for (const broken of [token.slice(0, index), token + char, char + token]) {
          expect(tokens.verify(broken, activityId, userId, NOW_MS)).toBe(false);
        }
      }),
      { seed: SEED, numRuns: 3_000 },
    );
    expect(tokens.verify('', '1' as ActivityId, '1' as UserId, NOW_MS)).toBe(false);
  });

  it('outlives one change of the key, and not two', () => {
    fc.assert(
      fc.property(activity, user, (activityId, userId) => {
        const before = new PurchaseTokens({ key: OLD, ttlMs: TTL_MS });
        const rotating = new PurchaseTokens({ key: KEY, previousKey: OLD, ttlMs: TTL_MS });
        const old = before.mint(activityId, userId, NOW_MS).token;
        const fresh = rotating.mint(activityId, userId, NOW_MS).token;
        expect(rotating.verify(old, activityId, userId, NOW_MS)).toBe(true);
        expect(rotating.verify(old, activityId, userId, NOW_MS + TTL_MS)).toBe(false);
        expect(tokens.verify(old, activityId, userId, NOW_MS)).toBe(false);
        expect(tokens.verify(fresh, activityId, userId, NOW_MS)).toBe(true);
        expect(before.verify(fresh, activityId, userId, NOW_MS)).toBe(false);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('has the form that every gateway of this version agrees on', () => {
    const mac = createHmac('sha256', KEY).update('purchase-token.1.42.1001.tops3v').digest('base64url');
    expect(tokens.mint('42' as ActivityId, '1001' as UserId, Number.parseInt('tops3v', 36) * 1_000 - TTL_MS)).toEqual({
      token: `1.tops3v.${mac}`,
      expiresMs: Number.parseInt('tops3v', 36) * 1_000,
    });
  });
});
