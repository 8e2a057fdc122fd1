import { createHash } from 'node:crypto';
import type { Locale } from '@coupon/discount';
import { AppError } from '@coupon/domain';
import type { TemplateId } from '@coupon/domain';
import { classifyMysqlError } from '@coupon/persistence';
import type { Reads, TemplateTerms } from '@coupon/read-models';
import type { Clock } from '@coupon/service-kit';
import type { CouponDatabase, ShopDatabase } from '../../adapters/databases';
import { reading } from '../../adapters/reading';
import { readCouponsNow } from '../adapters/coupon-rows';
import { insertItems, insertOrder, readOrder } from '../adapters/order-rows';
import { readProducts } from '../adapters/product-rows';
import { insertRun } from '../adapters/saga-runs';
import { inputOf } from '../arbiter';
import type { NewOrder, Order, OrderCoupon } from '../order';
import type { OrderStatus } from '../order-transitions';
import { quoteOrder } from '../quote';
import type { CheckoutRequest, PricedOrder } from '../quote';
import type { DriveEnd, SagaDriver } from '../sagas/saga-driver';
import { gidOf } from '../sagas/saga-run';
import type { SagaRun } from '../sagas/saga-run';

export interface StartCheckoutDeps {
  readonly shop: ShopDatabase;
  readonly coupons: CouponDatabase;
  readonly templates: Pick<Reads<TemplateId, TemplateTerms>, 'getMany'>;
  /** A checkout was quoted with terms that could not be read; the order branch will read them, or refuse. */
  readonly quotedStale: () => void;
  readonly clock: Clock;
  readonly driver: Pick<SagaDriver, 'lease' | 'drive' | 'wake'>;
  readonly maxStackCount: number;
  /** Unguessable, 1 to 64 letters, digits and hyphens. */
  readonly newPaymentSn: () => string;
}

export interface StartedCheckout {
  readonly orderSn: string;
  readonly gid: string;
  readonly status: OrderStatus;
  readonly reasonCode: string | null;
  readonly coupons: readonly OrderCoupon[];
  /** The end of the saga, where this call drives it; undefined inside: it goes on later. */
  readonly driven?: Promise<DriveEnd | undefined>;
}

/**
 * Prices the order, writes it down with its saga, and drives the saga. The same request again is answered with the order it made.
 * @throws AppError CONFLICT when the number belongs to another request; what `quoteOrder` throws; NOT_READY; nothing is written then.
 * OUTCOME_UNKNOWN: the same request again tells
 */
export async function startCheckout(
  deps: StartCheckoutDeps,
  request: CheckoutRequest,
  locale: Locale,
): Promise<StartedCheckout> {
  const requestHash = hashOf(request);
  const goodsIds = request.items.map(({ goodsId }) => goodsId);
  let stale = false;
  const onStale = (): void => {
    stale = true;
  };
  const [products, coupons] = await reading(() =>
    Promise.all([
      readProducts(deps.shop.client, goodsIds),
      readCouponsNow(deps.coupons.client, deps.templates, request.userId, request.couponSns, onStale),
    ]),
  );
  // Once per checkout, however many of its templates.
  if (stale) deps.quotedStale();
  const { clock, maxStackCount } = deps;
  let priced: PricedOrder;
  try {
    priced = quoteOrder(request, { products, coupons, nowMs: clock.nowMs(), maxStackCount, locale });
  } catch (error) {
    // The same request may have made the order before, and its coupons be in use because of that.
    const made = await reading(() => readOrder(deps.shop.client, request.orderSn));
    if (made !== undefined) return repeated(made, requestHash);
    throw error;
  }
  const { items, ...amounts } = priced;
  const { orderSn, userId } = request;
  const order: NewOrder = { orderSn, userId, requestHash, paymentSn: deps.newPaymentSn(), ...amounts };
  return write(deps, order, items);
}

async function write(deps: StartCheckoutDeps, order: NewOrder, items: PricedOrder['items']): Promise<StartedCheckout> {
  const run = checkoutRun(order, items);
  const { lease } = deps.driver;
  try {
    await deps.shop.transaction(async (tx) => {
      await insertOrder(tx, order);
      await insertRun(tx, run, lease === undefined ? { delayMs: 0 } : { lease });
      // Last: it shares the products' rows with whoever reserves them.
      await insertItems(tx, order.orderSn, items);
    });
  } catch (error) {
    if (classifyMysqlError(error).kind !== 'duplicate') throw error;
    const made = await reading(() => readOrder(deps.shop.client, order.orderSn));
    if (made === undefined) throw error;
    return repeated(made, order.requestHash);
  }
  const started = {
    orderSn: order.orderSn,
    gid: run.gid,
    status: 'PENDING',
    reasonCode: null,
    coupons: order.coupons,
  } as const;
  if (lease !== undefined) return { ...started, driven: deps.driver.drive(run, { isNew: true }) };
  deps.driver.wake();
  return started;
}

function checkoutRun(order: NewOrder, items: PricedOrder['items']): SagaRun {
  return {
    gid: gidOf('checkout', order),
    kind: 'checkout',
    orderSn: order.orderSn,
    input: {
      ...inputOf(order),
      items: items.map(({ productId, categoryId, quantity, priceMinor }) => ({
        productId,
        categoryId,
        quantity,
        priceMinor: String(priceMinor),
      })),
    },
  };
}

function repeated(order: Order, requestHash: string): StartedCheckout {
  if (order.requestHash !== requestHash) {
    throw new AppError('CONFLICT', 'order_sn: belongs to another request', { details: { field: 'order_sn' } });
  }
  const { orderSn, status, reasonCode, coupons } = order;
  return { orderSn, gid: gidOf('checkout', order), status, reasonCode, coupons };
}

/** SHA-256, hex, of what is asked for; the order of the coupons does not matter. */
export function hashOf(request: CheckoutRequest): string {
  const items = request.items.map(({ goodsId, categoryId, quantity, priceMinor }) => [
    goodsId,
    categoryId ?? null,
    quantity,
    priceMinor === undefined ? null : String(priceMinor),
  ]);
  const content = [request.userId, [...request.couponSns].sort(), items, String(request.shippingFeeMinor)];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}
