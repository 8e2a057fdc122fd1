import { couponEventSchemas } from './coupon-event-schemas';
import { COUPON_LOCKED, COUPON_REVERTED, COUPON_UNLOCKED, COUPON_USED } from './coupon-events';
import type { CouponEvent } from './coupon-events';

const AT = '2026-11-21T07:40:31.123Z';
const coupon = { user_coupon_id: '9223372036854775807', coupon_sn: 'SN1', template_id: '3' };
const common = { schema_version: 1, event_id: 'e-1', order_sn: 'o-1', user_id: '7', coupons: [coupon] } as const;

const examples: readonly CouponEvent[] = [
  { type: COUPON_LOCKED, body: { ...common, locked_at: AT, lock_expires_at: AT } },
  { type: COUPON_UNLOCKED, body: { ...common, unlocked_at: AT, reason: 'lock_expired' } },
  {
    type: COUPON_USED,
    body: {
      ...{ ...common, used_at: AT, original_amount: '99999999.99', final_amount: '0.00' },
      coupons: [{ ...coupon, discount_amount: '10.50' }],
    },
  },
  { type: COUPON_REVERTED, body: { ...common, reverted_at: AT } },
];

describe.each(examples)('$type', ({ type, body }) => {
  const accepts = (change: object): boolean => couponEventSchemas[type].safeParse({ ...body, ...change }).success;

  it('is read as it was written, with fields a newer sender may add', () => {
    const wire: unknown = JSON.parse(JSON.stringify({ ...body, region: 'eu' }));
    expect(couponEventSchemas[type].parse(wire)).toEqual({ ...body, region: 'eu' });
  });

  it.each<[string, object]>([
    ['another version', { schema_version: 2 }],
    ['no event id', { event_id: '' }],
    ['an event id that no column holds', { event_id: 'x'.repeat(65) }],
    ['no order', { order_sn: undefined }],
    ['a user id that is a number', { user_id: 7 }],
    ['no coupon', { coupons: [] }],
    ['a coupon without its template', { coupons: [{ ...coupon, template_id: undefined }] }],
  ])('is refused with %s', (_name, change) => {
    expect(accepts({})).toBe(true);
    expect(accepts(change)).toBe(false);
  });

  it('is refused without one of its own fields', () => {
    for (const name of Object.keys(body).filter((name) => !(name in common))) {
      expect([name, accepts({ [name]: undefined })]).toEqual([name, false]);
      expect([name, accepts({ [name]: '2026-02-30' })]).toEqual([name, false]);
    }
  });
});
