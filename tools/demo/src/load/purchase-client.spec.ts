import { toAnswer } from './purchase-client';

describe('toAnswer', () => {
  it('reads a receipt', () => {
    const body = { success: true, code: 'OK', claim_id: 'c', coupon_sns: ['c001', 'c002'], replayed: true };
    expect(toAnswer(body, undefined)).toEqual({
      kind: 'accepted',
      claimId: 'c',
      couponSns: ['c001', 'c002'],
      replayed: true,
    });
  });

  it('reads a refusal and how long to wait', () => {
    expect(toAnswer({ success: false, code: 'RATE_LIMITED' }, '2')).toEqual({
      kind: 'refused',
      code: 'RATE_LIMITED',
      retryAfterMs: 2_000,
    });
  });

  it('never takes an answer without coupons for a win', () => {
    expect(toAnswer({ success: true }, undefined)).toMatchObject({ kind: 'refused', code: 'NOT_UNDERSTOOD' });
  });
});
