import { OrderSagaClient } from '@coupon/contracts';
import type { OrderDiscountRequest, OrderDiscountResponse } from '@coupon/contracts';
import { useMysqlDatabase } from '@coupon/testing';
import { credentials } from '@grpc/grpc-js';
import { createOrderModule } from '../../../src/orders/orders.module';
import { BRANCHES } from '../../../src/branches/catalogue';
import { migrateShop, startService } from '../../support/service-under-test';
import type { ServiceUnderTest } from '../../support/service-under-test';

const CHECKOUT = { order_sn: 'o-1', user_id: '7', coupon_sns: ['C1'], items: [{ goods_id: '1', quantity: 1 }] };
const DISCOUNT: OrderDiscountRequest = {
  ...{ orderSn: 'o-1', userId: '7', userCouponIds: ['1'], shippingFeeMinor: '0', discountMinor: '0', finalMinor: '1' },
  orderItems: [{ goodsId: '1', quantity: 1, price: 0, categoryId: '0', priceMinor: '1' }],
};

describe('orders while no database answers', () => {
  let service: ServiceUnderTest;
  let client: OrderSagaClient;
  beforeAll(async () => {
    service = await startService({
      // Checkouts refuse at once, not after the patience of the pool.
      environment: { MYSQL_ACQUIRE_TIMEOUT_MS: '300' },
      modules: (context) => [createOrderModule(context).module],
    });
    client = new OrderSagaClient(service.grpc, credentials.createInsecure());
  });
  afterAll(async () => {
    client.close();
    await service.close();
  });

  it.each([
    ['POST', '/api/v1/checkouts', CHECKOUT],
    ['POST', '/api/v1/checkouts?wait=true', CHECKOUT],
    ['GET', '/api/v1/checkouts/o-1', undefined],
    ['POST', '/api/v1/orders/o-1/cancel', undefined],
    ['POST', '/api/v1/orders/o-1/refund', undefined],
  ])('%s %s is refused as not ready, with the time to come again', async (method, path, body) => {
    const answer = await fetch(`${service.http}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(await answer.json()).toMatchObject({ success: false, code: 'NOT_READY' });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
  });

  const price = (request: OrderDiscountRequest): Promise<OrderDiscountResponse | string> =>
    new Promise((resolve) => {
      client.calculateOrderDiscount(request, (error, response) => {
        resolve(error === null ? response : `${error.code} ${String(error.metadata.get('x-error-code')[0])}`);
      });
    });

  it('a plain CalculateOrderDiscount is refused as not ready', async () => {
    expect(await price(DISCOUNT)).toBe('14 NOT_READY');
  });

  it.each<[string, Partial<OrderDiscountRequest>]>([
    ['without items', { orderItems: [] }],
    ['without an order', { orderSn: '' }],
    ['without a user', { userId: '0' }],
    ['for a coupon without a number', { userCouponIds: ['0'] }],
    ['for one coupon twice', { userCouponIds: ['1', '1'] }],
  ])('a plain CalculateOrderDiscount %s is refused before anything is asked', async (_name, wrong) => {
    expect(await price({ ...DISCOUNT, ...wrong })).toBe('3 INVALID_ARGUMENT');
  });
});

describe('the branch that prices an order again', () => {
  const database = useMysqlDatabase({ migrate: migrateShop });
  let service: ServiceUnderTest;
  beforeAll(async () => {
    service = await startService({
      environment: { SHOP_MYSQL_URL: database.url, MYSQL_ACQUIRE_TIMEOUT_MS: '300' },
      modules: (context) => [createOrderModule(context).module],
    });
  });
  afterAll(() => service.close());

  const call = async (request: object): Promise<unknown> => {
    const query = 'gid=checkout-o-1&trans_type=saga&branch_id=02&op=action';
    const answer = await fetch(`${service.http}/dtm${BRANCHES.orders.discount.path}?${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    return [answer.status, await answer.json()];
  };

  it.each([
    ['no item', { orderItems: [] }],
    ['an id that is none', { userCouponIds: ['x'] }],
    ['an amount that is none', { shippingFeeMinor: '1.5' }],
  ])('refuses a request with %s, which DTM would repeat for ever otherwise', async (_name, wrong) => {
    expect(await call({ ...DISCOUNT, ...wrong })).toEqual([409, { dtm_result: 'FAILURE', code: 'INVALID_ARGUMENT' }]);
  });

  it('has a fault, and does not refuse, when the coupons cannot be read', async () => {
    expect(await call(DISCOUNT)).toEqual([500, { dtm_result: 'ERROR' }]);
  });
});
