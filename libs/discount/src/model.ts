import type { ErrorCode, TemplateStatus, UserCouponStatus } from '@coupon/domain';
import type { RuleFacts, RuleTerms } from './rules/rule';

// What goes into the calculator and what comes out. Amounts are minor units as bigint, ids decimal strings, times epoch milliseconds UTC.

export interface OrderLine {
  readonly goodsId: string;
  readonly categoryId: string | null;
  /** 1..1,000,000 */
  readonly quantity: number;
  readonly priceMinor: bigint;
}

export interface Order {
  /** 1..500 lines. */
  readonly lines: readonly OrderLine[];
  readonly shippingFeeMinor: bigint;
}

/** The columns of a template that the calculator reads. Lists of ids: null = no restriction, empty = nothing. */
export interface CouponTerms extends RuleTerms {
  readonly applicableGoods: readonly string[] | null;
  readonly applicableCategories: readonly string[] | null;
  readonly excludedGoods: readonly string[];
  readonly excludedCategories: readonly string[];
  /** Lower is applied earlier. */
  readonly priority: number;
  readonly stackGroup: string | null;
  readonly stackable: boolean;
}

export interface OwnedCoupon {
  readonly owned: true;
  /** User coupon id: orders application and decides ties. */
  readonly id: string;
  readonly sn: string | null;
  readonly templateId: string | null;
  readonly status: UserCouponStatus;
  /** The order that holds the lock. */
  readonly orderSn: string | null;
  readonly validStartMs: number;
  readonly validEndMs: number;
  readonly templateStatus: TemplateStatus;
  readonly terms: CouponTerms;
}

/** Unknown or somebody else's: the two look the same. Only what the caller itself named. */
export interface ForeignCoupon {
  readonly owned: false;
  readonly id: string | null;
  readonly sn: string | null;
}

export type Candidate = OwnedCoupon | ForeignCoupon;

/** given: exactly these coupons; best: the combination of them that takes most off. */
export type Mode = 'given' | 'best';

export interface CalculationRequest {
  readonly order: Order;
  readonly coupons: readonly Candidate[];
  readonly mode: Mode;
  readonly nowMs: number;
  /** A coupon locked for this order may be priced for it. */
  readonly orderSn?: string | null;
  /** @default 5 */
  readonly maxStackCount?: number;
  /** Steps that `best` may take with more than 20 eligible coupons. @default 500,000 */
  readonly maxSteps?: number;
}

export type StackingCode = Extract<ErrorCode, 'TOO_MANY_COUPONS' | 'EXCLUSIVE_GROUP' | 'NOT_STACKABLE'>;

/** Why a coupon takes nothing off. */
export type RefusalReason =
  | {
      readonly code:
        | 'NOT_OWNED'
        | 'TEMPLATE_DISABLED'
        | 'ALREADY_USED'
        | 'LOCKED_BY_ANOTHER_ORDER'
        | 'NO_APPLICABLE_GOODS'
        | 'NO_EFFECT'
        | 'NOT_IN_BEST';
    }
  | { readonly code: 'NOT_YET_VALID'; readonly validStartMs: number }
  | { readonly code: 'EXPIRED'; readonly validEndMs: number }
  | {
      readonly code: 'BELOW_MIN_AMOUNT';
      readonly minAmountMinor: bigint;
      readonly subtotalMinor: bigint;
      readonly shortfallMinor: bigint;
    }
  | { readonly code: 'EXCLUSIVE_GROUP' | 'NOT_STACKABLE'; readonly blockedBy: string };

export interface Refusal {
  readonly id: string | null;
  readonly sn: string | null;
  readonly templateId: string | null;
  readonly reason: RefusalReason;
}

/** Neighbouring units of a line with the same amount each. */
export interface UnitRun {
  readonly count: number;
  readonly amountMinor: bigint;
}

/** What a coupon takes off one line; the runs are in unit order and cover all units of the line. */
export interface LineShare {
  /** Position in the order, from 0. */
  readonly index: number;
  readonly amountMinor: bigint;
  readonly units: readonly UnitRun[];
}

export interface AppliedCoupon {
  readonly id: string;
  readonly sn: string | null;
  readonly templateId: string | null;
  readonly amountMinor: bigint;
  /** For the text of the reason. */
  readonly facts: RuleFacts;
  /** One share per applicable line, also those that receive 0; empty for a shipping coupon. */
  readonly lines: readonly LineShare[];
}

export interface Quote {
  readonly outcome: 'priced';
  readonly goodsTotalMinor: bigint;
  readonly originalMinor: bigint;
  readonly discountMinor: bigint;
  readonly finalMinor: bigint;
  /** The part of the discount that belongs to the shipping fee and to no line. */
  readonly shippingDiscountMinor: bigint;
  /** In order of application. */
  readonly applied: readonly AppliedCoupon[];
  /** By id ascending, those without an id last by serial number. */
  readonly refused: readonly Refusal[];
  /** False only in mode best, when the search ended early; then no combination takes more than `boundMinor` off. */
  readonly optimal: boolean;
  readonly boundMinor: bigint;
}

/** Mode given: the coupons that are eligible alone may not be used together. */
export interface StackingRefusal {
  readonly outcome: 'refused';
  readonly code: StackingCode;
  /** All coupons that take part in a violation of this code, ascending. */
  readonly couponIds: readonly string[];
  readonly maxStackCount: number;
  readonly refused: readonly Refusal[];
}

export type Calculation = Quote | StackingRefusal;
