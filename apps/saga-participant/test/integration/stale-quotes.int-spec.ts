import { Registry } from 'prom-client';
import type { Reads, TemplateTerms } from '@coupon/read-models';
import type { TemplateId } from '@coupon/domain';
import { createQuoteMetrics } from '../../src/orders/quote-metrics';
import { startCheckout } from '../../src/orders/use-cases/start-checkout.use-case';
import type { StartCheckoutDeps } from '../../src/orders/use-cases/start-checkout.use-case';
import { USER, useOrders } from '../support/order-fixture';

describe('a checkout whose templates cannot be read', () => {
  const shop = useOrders();

  /** Quotes with the terms that are there, said to be the last ones known or not. */
  async function quote(coupons: number, isStale: boolean, change: (terms: TemplateTerms) => TemplateTerms) {
    const orderSn = shop.newOrderSn();
    const goods = await shop.product({ price: '100.00' });
    const held = await Promise.all(Array.from({ length: coupons }, () => shop.newCoupon()));
    const { context } = shop.instance;
    const { templates } = context.reads;
    const getMany: Reads<TemplateId, TemplateTerms>['getMany'] = async (ids, onStale) => {
      const found = await templates.getMany(ids);
      return found.map((terms) => {
        if (isStale) onStale?.();
        return terms && change(terms);
      });
    };
    const registry = new Registry();
    const deps: StartCheckoutDeps = {
      ...context,
      ...createQuoteMetrics(registry),
      templates: { getMany },
      maxStackCount: 5,
      newPaymentSn: () => `pay-${orderSn}`,
      // The service drives what was written down.
      driver: { lease: undefined, drive: () => Promise.resolve(undefined), wake: () => undefined },
    };
    const items = [{ goodsId: goods, categoryId: undefined, quantity: 2, priceMinor: undefined }];
    const couponSns = held.map(({ sn }) => sn);
    await startCheckout(deps, { orderSn, userId: USER, couponSns, items, shippingFeeMinor: 0n }, 'en');
    const [counted] = (await registry.getSingleMetric('checkout_quotes_stale_total')?.get())?.values ?? [];
    return { orderSn, counted: counted?.value };
  }

  it('is counted, once, and goes on when the terms are still the same', async () => {
    const { orderSn, counted } = await quote(2, true, (terms) => terms);
    expect(counted).toBe(1);
    expect(await shop.becomes(orderSn, 'AWAITING_PAYMENT')).toMatchObject({ original_amount: '200.00' });
  });

  it('fails by the rows when the terms are not the same any more: nobody pays by what was known', async () => {
    const { orderSn, counted } = await quote(1, true, (terms) => ({
      ...terms,
      discountValueMinor: 2n * terms.discountValueMinor,
    }));
    expect(counted).toBe(1);
    await shop.becomes(orderSn, 'FAILED');
  });

  it('is not counted when they were read', async () => {
    expect((await quote(1, false, (terms) => terms)).counted).toBe(0);
  });
});
