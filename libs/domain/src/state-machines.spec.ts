import { ACTIVITY_STATUS, activityAllows, activityStatusName } from './activity';
import { TEMPLATE_STATUS, canMoveTemplate } from './template';
import { USER_COUPON_STATUS, couponValidity, effectiveCouponStatus } from './user-coupon';

const DAY_MS = 86_400_000;

describe('template', () => {
  test('goes draft -> published <-> disabled and never back to draft', () => {
    const { draft, published, disabled } = TEMPLATE_STATUS;
    const moves = [draft, published, disabled].flatMap((from) =>
      [draft, published, disabled].filter((to) => canMoveTemplate(from, to)).map((to) => [from, to]),
    );
    expect(moves).toEqual([
      [draft, published],
      [published, disabled],
      [disabled, published],
    ]);
  });
});

describe('activity', () => {
  const stored = { status: ACTIVITY_STATUS.running, pausedAtMs: null, endMs: 1_000 } as const;

  test('reads as ended from its end on, whatever is stored', () => {
    expect(activityStatusName(stored, 999)).toBe('running');
    expect(activityStatusName(stored, 1_000)).toBe('ended');
    expect(activityStatusName({ ...stored, status: ACTIVITY_STATUS.pending }, 1_000)).toBe('ended');
    expect(activityStatusName({ ...stored, status: ACTIVITY_STATUS.ended }, 0)).toBe('ended');
    expect(activityStatusName({ ...stored, pausedAtMs: 5 }, 10)).toBe('paused');
    expect(activityStatusName({ ...stored, status: ACTIVITY_STATUS.pending }, 10)).toBe('pending');
  });

  test('allows each command only where it makes sense', () => {
    const statuses = ['pending', 'running', 'paused', 'ended'] as const;
    const allowed = (command: 'start' | 'pause' | 'resume' | 'end'): string[] =>
      statuses.filter((status) => activityAllows(command, status));
    expect(allowed('start')).toEqual(['pending']);
    expect(allowed('pause')).toEqual(['running']);
    expect(allowed('resume')).toEqual(['paused']);
    expect(allowed('end')).toEqual(['pending', 'running', 'paused']);
  });
});

describe('user coupon', () => {
  test('an unused coupon past its validity reads as expired; a used one stays used', () => {
    const { unused, used, expired } = USER_COUPON_STATUS;
    expect(effectiveCouponStatus(unused, 10, 9)).toBe(unused);
    expect(effectiveCouponStatus(unused, 10, 10)).toBe(expired);
    expect(effectiveCouponStatus(used, 10, 11)).toBe(used);
  });

  test('validity after the claim stays inside the window of the template', () => {
    const template = { validStartMs: 10 * DAY_MS, validEndMs: 20 * DAY_MS };
    const after = (validDaysAfterClaim: number | null, obtainMs: number): unknown =>
      couponValidity({ ...template, validDaysAfterClaim }, obtainMs);
    expect(after(null, 12 * DAY_MS)).toEqual({ startMs: 10 * DAY_MS, endMs: 20 * DAY_MS });
    expect(after(3, 12 * DAY_MS)).toEqual({ startMs: 12 * DAY_MS, endMs: 15 * DAY_MS });
    expect(after(3, 5 * DAY_MS)).toEqual({ startMs: 10 * DAY_MS, endMs: 13 * DAY_MS });
    expect(after(30, 12 * DAY_MS)).toEqual({ startMs: 12 * DAY_MS, endMs: 20 * DAY_MS });
  });
});
