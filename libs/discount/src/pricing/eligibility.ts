import { TEMPLATE_STATUS, USER_COUPON_STATUS } from '@coupon/domain';
import type { Candidate, OwnedCoupon, RefusalReason } from '../model';
import { findRule } from '../rules';
import { subtotalOf } from '../rules/rule';
import type { Applicability } from './applicability';
import type { Cart, PreparedCoupon } from './prepared';

export interface EligibilityContext {
  readonly cart: Cart;
  readonly applicability: Applicability;
  readonly nowMs: number;
  readonly orderSn: string | null;
}

/** A coupon on its own: ready to be applied, or the first reason that speaks against it, in the order of the checks here. */
export function assess(candidate: Candidate, context: EligibilityContext): PreparedCoupon | RefusalReason {
  // A void coupon was taken back: it is nobody's.
  if (!candidate.owned || candidate.status === USER_COUPON_STATUS.void) return { code: 'NOT_OWNED' };
  return unusableInItself(candidate, context) ?? fitToCart(candidate, context);
}

export function isReason(assessed: PreparedCoupon | RefusalReason): assessed is RefusalReason {
  return 'code' in assessed;
}

function unusableInItself(
  { templateStatus, status, orderSn, validStartMs, validEndMs }: OwnedCoupon,
  { nowMs, orderSn: ownOrderSn }: EligibilityContext,
): RefusalReason | undefined {
  if (templateStatus !== TEMPLATE_STATUS.published) return { code: 'TEMPLATE_DISABLED' };
  if (status === USER_COUPON_STATUS.used) return { code: 'ALREADY_USED' };
  const isOwnLock = orderSn !== null && orderSn === ownOrderSn;
  if (status === USER_COUPON_STATUS.locked && !isOwnLock) return { code: 'LOCKED_BY_ANOTHER_ORDER' };
  if (nowMs < validStartMs) return { code: 'NOT_YET_VALID', validStartMs };
  if (nowMs >= validEndMs || status === USER_COUPON_STATUS.expired) return { code: 'EXPIRED', validEndMs };
  return undefined;
}

function fitToCart(coupon: OwnedCoupon, { cart, applicability }: EligibilityContext): PreparedCoupon | RefusalReason {
  const rule = findRule(coupon.terms.type);
  if (rule === undefined) throw new Error(`coupon ${coupon.id} was not checked: there is no rule ${coupon.terms.type}`);
  const lines = applicability.linesOf(coupon.terms);
  if (lines.length === 0) return { code: 'NO_APPLICABLE_GOODS' };
  const scope = { lines, prices: cart.prices, quantities: cart.quantities };
  const { threshold, amountOf, readsLines } = rule.prepare(coupon.terms, scope);
  const subtotal = subtotalOf(scope);
  if (subtotal < threshold) {
    return {
      code: 'BELOW_MIN_AMOUNT',
      minAmountMinor: BigInt(threshold),
      subtotalMinor: BigInt(subtotal),
      shortfallMinor: BigInt(threshold - subtotal),
    };
  }
  const base = rule.takesFrom === 'goods' ? subtotal : cart.shippingFee;
  if (amountOf(base, cart.lineTotals) === 0) return { code: 'NO_EFFECT' };
  return { coupon, idNumber: BigInt(coupon.id), takesFrom: rule.takesFrom, lines, amountOf, readsLines };
}
