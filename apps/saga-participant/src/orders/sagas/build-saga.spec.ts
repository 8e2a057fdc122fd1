import { OrderDiscountRequest, ReserveStockRequest, UseCouponRequest } from '@coupon/contracts';
import { SAGA_KINDS } from '../order-transitions';
import type { SagaKind } from '../order-transitions';
import { buildSteps } from './build-saga';
import type { SagaInput } from './saga-run';

const http = { transport: 'http', baseUrl: 'http://saga:8057' } as const;
const grpc = { transport: 'grpc', address: 'saga:9057' } as const;

const input: SagaInput = {
  orderSn: 'o-1',
  userId: '9007199254740993',
  paymentSn: 'p-1',
  originalMinor: '20500',
  discountMinor: '1000',
  finalMinor: '19500',
  shippingFeeMinor: '500',
  coupons: [{ id: '9007199254740995', discountMinor: '1000' }],
  items: [
    { productId: '5', categoryId: null, quantity: 2, priceMinor: '5000' },
    { productId: '6', categoryId: '3', quantity: 1, priceMinor: '5000' },
    { productId: '5', categoryId: null, quantity: 1, priceMinor: '5000' },
  ],
};

const steps = (kind: SagaKind, over: Partial<SagaInput> = {}) =>
  buildSteps({ gid: `${kind}-1`, kind, input: { ...input, ...over } }, http).map(
    ({ action, compensate }) => `${path(action)}${compensate === undefined ? '' : ` / ${path(compensate)}`}`,
  );
const path = (address: string): string => address.replace('http://saga:8057/dtm', '');

describe('the sagas of an order', () => {
  it('consist of these steps and compensations', () => {
    expect(Object.fromEntries(SAGA_KINDS.map((kind) => [kind, steps(kind)]))).toEqual({
      checkout: [
        '/coupons/lock / /coupons/unlock/compensate',
        '/orders/discount / /orders/revert-discount/compensate',
        '/payments/create / /payments/cancel/compensate',
        '/inventory/reserve / /inventory/release/compensate',
      ],
      settle: ['/coupons/use / /coupons/revert/compensate', '/inventory/commit'],
      cancel: ['/coupons/unlock', '/payments/cancel', '/inventory/release'],
      reacquire: [
        '/coupons/lock / /coupons/unlock/compensate',
        '/inventory/reserve / /inventory/release/compensate',
        '/coupons/use / /coupons/revert/compensate',
        '/inventory/commit',
      ],
      refund: ['/coupons/revert', '/coupons/unlock', '/inventory/release', '/payments/refund'],
    });
  });

  it('leave the coupons out where there are none', () => {
    for (const kind of SAGA_KINDS) expect(steps(kind, { coupons: [] }).join()).not.toContain('/coupons');
  });

  it('carry the same over gRPC, to the RPC itself', () => {
    const [lock, discount, , reserve] = buildSteps({ gid: 'checkout-o-1', kind: 'checkout', input }, grpc);
    expect(lock).toMatchObject({
      action: 'saga:9057/coupon.v1.CouponSaga/LockUserCoupon',
      compensate: 'saga:9057/coupon.v1.CouponSaga/UnlockUserCoupon',
    });
    const message = OrderDiscountRequest.decode(discount?.payload as Uint8Array);
    expect(message).toMatchObject({
      userId: '9007199254740993',
      userCouponIds: ['9007199254740995'],
      discountMinor: '1000',
      finalMinor: '19500',
    });
    expect(message.orderItems[0]).toEqual({
      goodsId: '5',
      categoryId: '0',
      quantity: 2,
      price: 50,
      priceMinor: '5000',
    });
    // One entry per product, whatever the lines.
    expect(ReserveStockRequest.decode(reserve?.payload as Uint8Array).items).toEqual([
      { productId: '5', quantity: 3 },
      { productId: '6', quantity: 1 },
    ]);
  });

  it('tell what each coupon took off', () => {
    const [use] = buildSteps({ gid: 'settle-p-1', kind: 'settle', input }, http);
    expect(UseCouponRequest.fromJSON(use?.payload)).toMatchObject({
      orderSn: 'o-1',
      originalMinor: '20500',
      finalMinor: '19500',
      couponShares: [{ userCouponId: '9007199254740995', discountMinor: '1000' }],
    });
  });

  it('refund under a key that stays when the saga is repeated', () => {
    const keyOf = (gid: string, over: Partial<SagaInput>): unknown =>
      buildSteps({ gid, kind: 'refund', input: { ...input, ...over } }, http).at(-1)?.payload;
    expect(keyOf('refund-p-1', {})).toMatchObject({ refundSn: 'refund-p-1' });
    expect(keyOf('refund-p-1-2', { refundSn: 'refund-p-1' })).toMatchObject({ refundSn: 'refund-p-1' });
  });
});
