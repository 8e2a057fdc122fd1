import { InvalidArgumentError, MAX_AMOUNT_MINOR } from '@coupon/domain';
import type { FieldViolation } from '@coupon/domain';
import type { Candidate, Order } from '../model';
import { unless } from '../rules/rule';
import { termsViolations } from './check-terms';

export const MAX_LINES = 500;
export const MAX_QUANTITY = 1_000_000;

/** @throws InvalidArgumentError with every violation, by the names of the JSON request (`order_items[2].price`). */
export function checkOrder(order: Order): void {
  const { lines, shippingFeeMinor } = order;
  const violations: FieldViolation[] = [];
  if (lines.length < 1 || lines.length > MAX_LINES) {
    violations.push({ field: 'order_items', message: `must have 1 to ${MAX_LINES} lines` });
  }
  lines.forEach(({ quantity, priceMinor }, index) => {
    const isCount = Number.isInteger(quantity) && quantity >= 1 && quantity <= MAX_QUANTITY;
    const path = `order_items[${index}]`;
    violations.push(
      ...unless(isCount, `${path}.quantity`, `must be a whole number from 1 to ${MAX_QUANTITY}`),
      ...unless(priceMinor >= 0n, `${path}.price`, 'must not be negative'),
    );
  });
  violations.push(...unless(shippingFeeMinor >= 0n, 'shipping_fee', 'must not be negative'));
  if (violations.length === 0 && totalOf(order) > MAX_AMOUNT_MINOR) {
    violations.push({ field: 'order_items', message: 'with shipping_fee must total at most 99999999.99' });
  }
  if (violations.length > 0) throw new InvalidArgumentError(violations);
}

function totalOf({ lines, shippingFeeMinor }: Order): bigint {
  return lines.reduce((sum, { quantity, priceMinor }) => sum + priceMinor * BigInt(quantity), shippingFeeMinor);
}

/**
 * Ids are in canonical form (`parseId`), so equal integers are equal strings.
 * @throws InvalidArgumentError naming `coupons[i]`: named twice, or terms that no rule understands.
 */
export function checkCandidates(candidates: readonly Candidate[]): void {
  const violations: FieldViolation[] = [];
  const ids = new Set<string>();
  const sns = new Set<string>();
  candidates.forEach((candidate, index) => {
    const path = `coupons[${index}]`;
    const repeated = isRepeated(ids, candidate.id) || isRepeated(sns, candidate.sn);
    violations.push(...unless(!repeated, path, 'is in the list twice'));
    if (!candidate.owned) return;
    for (const { field, message } of termsViolations(candidate.terms)) {
      violations.push({ field: `${path}.${field}`, message });
    }
  });
  if (violations.length > 0) throw new InvalidArgumentError(violations);
}

function isRepeated(seen: Set<string>, key: string | null): boolean {
  if (key === null) return false;
  const repeated = seen.has(key);
  seen.add(key);
  return repeated;
}
