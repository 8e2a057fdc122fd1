import { findBest } from './best/best-search';
import { checkCandidates, checkOrder } from './input/check-order';
import type {
  AppliedCoupon,
  Calculation,
  CalculationRequest,
  Candidate,
  Order,
  Quote,
  Refusal,
  RefusalReason,
} from './model';
import { Applicability } from './pricing/applicability';
import { applyAll } from './pricing/apply';
import type { Application } from './pricing/apply';
import { assess, isReason } from './pricing/eligibility';
import { compareApplication, compareIds } from './pricing/prepared';
import type { Cart, PreparedCoupon } from './pricing/prepared';
import { pairConflict, stackingVerdict } from './pricing/stacking';
import { findRule } from './rules';

const DEFAULT_MAX_STACK_COUNT = 5;
const DEFAULT_MAX_STEPS = 500_000;

interface Selection {
  /** In order of application. */
  readonly chosen: readonly PreparedCoupon[];
  readonly leftOut: readonly Refusal[];
  readonly optimal: boolean;
  readonly bound: number | undefined;
}

/**
 * Prices an order with coupons. The same request gives the same answer whatever order its coupons come in. A coupon that cannot be used is
 * refused in the answer; only in mode given does a violation of stacking refuse the call.
 * @throws InvalidArgumentError naming the field.
 */
export function calculate(request: CalculationRequest): Calculation {
  const { order, coupons, mode, nowMs, orderSn = null } = request;
  const { maxStackCount = DEFAULT_MAX_STACK_COUNT, maxSteps = DEFAULT_MAX_STEPS } = request;
  checkOrder(order);
  checkCandidates(coupons);
  const cart = cartOf(order);
  const context = { cart, applicability: new Applicability(order.lines), nowMs, orderSn };
  const eligible: PreparedCoupon[] = [];
  const refused: Refusal[] = [];
  for (const candidate of coupons) {
    const assessed = assess(candidate, context);
    if (isReason(assessed)) refused.push(refusalOf(candidate, assessed));
    else eligible.push(assessed);
  }
  eligible.sort(compareApplication);
  if (mode === 'given') {
    const verdict = stackingVerdict(eligible, maxStackCount);
    if (verdict !== undefined) return { outcome: 'refused', ...verdict, maxStackCount, refused: inOrder(refused) };
    return quoteOf(cart, { chosen: eligible, leftOut: [], optimal: true, bound: undefined }, refused);
  }
  const { chosen, optimal, bound } = findBest(cart, eligible, { maxStackCount, maxSteps });
  return quoteOf(cart, { chosen, leftOut: leftOut(eligible, chosen), optimal, bound }, refused);
}

function cartOf({ lines, shippingFeeMinor }: Order): Cart {
  const prices = lines.map(({ priceMinor }) => Number(priceMinor));
  const quantities = lines.map(({ quantity }) => quantity);
  const lineTotals = prices.map((price, index) => price * (quantities[index] ?? 0));
  const goodsTotal = lineTotals.reduce((sum, total) => sum + total, 0);
  return { prices, quantities, lineTotals, goodsTotal, shippingFee: Number(shippingFeeMinor) };
}

function quoteOf(cart: Cart, { chosen, leftOut, optimal, bound }: Selection, refused: readonly Refusal[]): Quote {
  const { applications, withoutEffect, goodsDiscount, shippingDiscount } = applyAll(cart, chosen);
  const original = cart.goodsTotal + cart.shippingFee;
  const discount = goodsDiscount + shippingDiscount;
  const idle = withoutEffect.map(({ coupon }) => refusalOf(coupon, { code: 'NO_EFFECT' }));
  return {
    outcome: 'priced',
    goodsTotalMinor: BigInt(cart.goodsTotal),
    originalMinor: BigInt(original),
    discountMinor: BigInt(discount),
    finalMinor: BigInt(original - discount),
    shippingDiscountMinor: BigInt(shippingDiscount),
    applied: applications.map((application) => appliedOf(application, cart)),
    refused: inOrder([...refused, ...leftOut, ...idle]),
    optimal,
    boundMinor: BigInt(bound ?? discount),
  };
}

function appliedOf({ prepared, amount, lines }: Application, { prices, quantities }: Cart): AppliedCoupon {
  const { id, sn, templateId, terms } = prepared.coupon;
  const rule = findRule(terms.type);
  if (rule === undefined) throw new Error(`there is no rule ${terms.type}`);
  const facts = rule.facts(terms, { lines: prepared.lines, prices, quantities });
  return { id, sn, templateId, amountMinor: BigInt(amount), facts, lines };
}

/** Why the others are not part of the best: a chosen one with which they may not be used, else only that. */
function leftOut(eligible: readonly PreparedCoupon[], chosen: readonly PreparedCoupon[]): readonly Refusal[] {
  const byId = [...chosen].sort((a, b) => compareIds(a.idNumber, b.idNumber));
  return eligible
    .filter((one) => !chosen.includes(one))
    .map(({ coupon }) => {
      for (const code of ['EXCLUSIVE_GROUP', 'NOT_STACKABLE'] as const) {
        const blocker = byId.find((other) => pairConflict(coupon, other.coupon) === code);
        if (blocker !== undefined) return refusalOf(coupon, { code, blockedBy: blocker.coupon.id });
      }
      return refusalOf(coupon, { code: 'NOT_IN_BEST' });
    });
}

function refusalOf(candidate: Candidate, reason: RefusalReason): Refusal {
  const { id, sn } = candidate;
  const templateId = candidate.owned && reason.code !== 'NOT_OWNED' ? candidate.templateId : null;
  return { id, sn, templateId, reason };
}

function inOrder(refused: readonly Refusal[]): readonly Refusal[] {
  return [...refused].sort((a, b) => {
    if (a.id !== null && b.id !== null) return compareIds(BigInt(a.id), BigInt(b.id));
    if (a.id !== null || b.id !== null) return a.id === null ? 1 : -1;
    return (a.sn ?? '') < (b.sn ?? '') ? -1 : 1;
  });
}
