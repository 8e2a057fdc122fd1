import { formatMoney } from '@coupon/domain';
import type { Order, OrderCoupon, OrderItemRow } from '../order';
import type { OrderStatus } from '../order-transitions';

/** Answer of a command. */
export interface AcceptedView {
  readonly order_sn: string;
  readonly gid: string;
  readonly status: OrderStatus;
  readonly reason_code?: string;
  /** Coupons that were left out because they would take nothing off. */
  readonly refused?: readonly { readonly coupon_sn: string; readonly code: string }[];
}

export function acceptedView(accepted: {
  readonly orderSn: string;
  readonly gid: string;
  readonly status: OrderStatus;
  readonly reasonCode: string | null;
  readonly coupons: readonly OrderCoupon[];
}): AcceptedView {
  const { orderSn, gid, status, reasonCode, coupons } = accepted;
  const refused = refusedViews(coupons);
  return {
    order_sn: orderSn,
    gid,
    status,
    ...(reasonCode === null ? {} : { reason_code: reasonCode }),
    ...(refused.length === 0 ? {} : { refused }),
  };
}

/** A payment can exist, and be meant, in all statuses but these. */
const WITHOUT_PAYMENT: ReadonlySet<OrderStatus> = new Set(['PENDING', 'FAILED']);

export function orderView(order: Order, items: readonly OrderItemRow[]): object {
  return {
    order_sn: order.orderSn,
    user_id: order.userId,
    status: order.status,
    ...(order.reasonCode === null ? {} : { reason_code: order.reasonCode }),
    ...(WITHOUT_PAYMENT.has(order.status) ? {} : { payment_sn: order.paymentSn }),
    ...(order.status === 'AWAITING_PAYMENT' ? { payment_deadline: order.paymentDeadline?.toISOString() } : {}),
    original_amount: formatMoney(order.originalMinor),
    discount_amount: formatMoney(order.discountMinor),
    final_amount: formatMoney(order.finalMinor),
    shipping_fee: formatMoney(order.shippingFeeMinor),
    shipping_discount: formatMoney(order.shippingDiscountMinor),
    coupons: order.coupons
      .filter(({ code }) => code === 'APPLIED')
      .map(({ userCouponId, couponSn, templateId, discountMinor }) => ({
        user_coupon_id: userCouponId,
        coupon_sn: couponSn,
        template_id: templateId,
        discount_amount: formatMoney(discountMinor),
      })),
    refused: refusedViews(order.coupons),
    items: items.map(itemView),
    created_at: order.createdAt.toISOString(),
    ...(order.paidAt === null ? {} : { paid_at: order.paidAt.toISOString() }),
    ...(order.closedAt === null ? {} : { closed_at: order.closedAt.toISOString() }),
  };
}

function itemView(item: OrderItemRow): object {
  return {
    goods_id: item.productId,
    category_id: item.categoryId,
    quantity: item.quantity,
    price: formatMoney(item.priceMinor),
    discount_amount: formatMoney(item.discountMinor),
    units: item.unitDiscounts.map(({ count, amountMinor }) => ({ count, amount: formatMoney(amountMinor) })),
  };
}

function refusedViews(coupons: readonly OrderCoupon[]): { coupon_sn: string; code: string }[] {
  return coupons.filter(({ code }) => code !== 'APPLIED').map(({ couponSn, code }) => ({ coupon_sn: couponSn, code }));
}
