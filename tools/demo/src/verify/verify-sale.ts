import { named } from './violation';
import type { Violation, ViolationKind } from './violation';

/** One row of user_coupons. */
export interface CouponRow {
  readonly couponSn: string;
  readonly userId: string;
}

/** What MySQL says about one activity. */
export interface SaleTruth {
  readonly rows: readonly CouponRow[];
  readonly successCount: number;
  readonly totalCount: number;
  /** Units of the stored claims minus those of the stored releases. */
  readonly eventUnits: number;
}

/** What the buyers say. */
export interface SaleStory {
  /** Coupon -> buyer. */
  readonly heard: ReadonlyMap<string, string>;
  readonly contradictions: readonly { readonly couponSn: string; readonly detail: string }[];
  /** Buyers with a click that was never answered finally. */
  readonly unanswered: readonly string[];
}

export interface SaleTerms {
  readonly stock: number;
  readonly perUserLimit: number;
  /** Units the buyers together were entitled to and asked for. */
  readonly demand: number;
}

/**
 * Compares what buyers heard with what MySQL holds, coupon by coupon. Pure, and knows nothing of how either came about; the kinds are
 * independent of each other, so that one defect is reported as one kind.
 */
export function verifySale(terms: SaleTerms, story: SaleStory, truth: SaleTruth): Violation[] {
  const owners = new Map(truth.rows.map(({ couponSn, userId }) => [couponSn, userId]));
  const sold = new Set([...story.heard.keys(), ...owners.keys()]).size;
  const violations = [
    violation('oversold', Math.max(0, sold - terms.stock), `of ${terms.stock}`),
    violation(
      'undersold',
      Math.max(0, Math.min(terms.stock, terms.demand) - sold),
      `of ${Math.min(terms.stock, terms.demand)}`,
    ),
    named('lost', lost(story, owners), 'promised to a buyer and not in MySQL'),
    named('unheard', unheard(story, owners), 'in MySQL and promised to nobody'),
    named('wrong_user', wrongUser(story, owners), "in MySQL under another buyer's name"),
    named('duplicate', duplicates(truth.rows), 'in more than one row'),
    named('over_limit', overLimit(terms.perUserLimit, story, truth), `more than ${terms.perUserLimit}`),
    named(
      'contradiction',
      story.contradictions.map(({ couponSn, detail }) => `${couponSn}: ${detail}`),
      'answers that exclude each other',
    ),
    named('unanswered', story.unanswered, 'buyers without a final answer'),
    mismatch('count_mismatch', 'success_count', truth.successCount, truth.rows.length),
    mismatch('event_mismatch', 'units of claim_events', truth.eventUnits, truth.rows.length),
  ];
  if (truth.totalCount !== terms.stock) {
    violations.push(mismatch('count_mismatch', 'total_count', truth.totalCount, terms.stock));
  }
  return violations.filter((one) => one.count > 0);
}

type Owners = ReadonlyMap<string, string>;

function lost({ heard }: SaleStory, owners: Owners): string[] {
  return [...heard.keys()].filter((couponSn) => !owners.has(couponSn));
}

function unheard({ heard, unanswered }: SaleStory, owners: Owners): string[] {
  // A buyer who never got an answer may own a coupon without knowing; that is reported as unanswered.
  const waiting = new Set(unanswered);
  return [...owners]
    .filter(([couponSn, userId]) => !heard.has(couponSn) && !waiting.has(userId))
    .map(([couponSn]) => couponSn);
}

function wrongUser({ heard }: SaleStory, owners: Owners): string[] {
  return [...heard]
    .filter(([couponSn, userId]) => (owners.get(couponSn) ?? userId) !== userId)
    .map(([couponSn]) => couponSn);
}

function duplicates(rows: readonly CouponRow[]): string[] {
  const seen = new Set<string>();
  return rows.map(({ couponSn }) => couponSn).filter((couponSn) => seen.size === seen.add(couponSn).size);
}

/** By what MySQL holds and by what was promised: either alone would be unfair to the other buyers. */
function overLimit(limit: number, { heard }: SaleStory, { rows }: SaleTruth): string[] {
  const stored = new Set(rows.map(({ couponSn, userId }) => `${userId} ${couponSn}`));
  const promised = new Set([...heard].map(([couponSn, userId]) => `${userId} ${couponSn}`));
  const above = (pairs: ReadonlySet<string>): string[] => {
    const units = new Map<string, number>();
    for (const pair of pairs) {
      const userId = pair.slice(0, pair.indexOf(' '));
      units.set(userId, (units.get(userId) ?? 0) + 1);
    }
    return [...units].filter(([, count]) => count > limit).map(([userId]) => userId);
  };
  return [...new Set([...above(stored), ...above(promised)])];
}

function violation(kind: ViolationKind, count: number, detail: string): Violation {
  return { kind, count, detail };
}

function mismatch(kind: ViolationKind, what: string, actual: number, expected: number): Violation {
  return { kind, count: Math.abs(actual - expected), detail: `${what} is ${actual}, should be ${expected}` };
}
