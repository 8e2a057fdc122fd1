import { AppError, InvalidArgumentError, parseId } from '@coupon/domain';
import { MAX_LINES, MAX_UNITS } from './model';
import type { StockLine, StoredReservation } from './model';

/** What is to be done for an order, given what is stored of it. */
export type ReservationPlan =
  /** All of it is held, or sold, already. */
  | { readonly kind: 'replay' }
  /** Take the units of `lines`; those in `again` have a row from an earlier reservation. */
  | { readonly kind: 'reserve'; readonly again: ReadonlySet<string> };

export interface ReservationCaller {
  /**
   * A saga may reserve again what an earlier one of the same order has given back: its own barrier keeps late calls out. A plain call has
   * none, so for it a release is the end.
   */
  readonly mayReserveAgain: boolean;
}

/**
 * Decides about a request for `lines`; `stored` holds the order's rows that the request is about.
 * @throws AppError CONFLICT when the order holds something else, or has been given back for good
 */
export function planReservation(
  orderSn: string,
  stored: readonly StoredReservation[],
  lines: readonly StockLine[],
  { mayReserveAgain }: ReservationCaller,
): ReservationPlan {
  const active = stored.filter(({ state }) => state === 'RESERVED' || state === 'COMMITTED');
  if (active.length > 0) {
    if (!sameLines(active, lines)) throw conflict(orderSn, 'has reserved something else');
    if (mayReserveAgain && active.some(({ state }) => state === 'COMMITTED')) {
      throw conflict(orderSn, 'is sold already');
    }
    return { kind: 'replay' };
  }
  if (stored.some(({ state }) => state === 'RETURNED')) throw conflict(orderSn, 'was returned');
  if (stored.length > 0 && !mayReserveAgain) throw conflict(orderSn, 'was released');
  return { kind: 'reserve', again: new Set(stored.map(({ productId }) => productId)) };
}

/**
 * Lines as they are taken: one per product, by id ascending, which is the order of locks.
 * @throws InvalidArgumentError naming `items[i].product_id` or `items[i].quantity`
 */
export function mergeLines(
  items: readonly { readonly productId: string; readonly quantity: number }[],
): readonly StockLine[] {
  if (items.length === 0) throw InvalidArgumentError.of('items', 'must not be empty');
  if (items.length > MAX_LINES) throw InvalidArgumentError.of('items', `must have at most ${MAX_LINES} lines`);
  const byProduct = new Map<string, StockLine>();
  for (const [index, item] of items.entries()) {
    const productId = parseId<'product'>(item.productId, `items[${index}].product_id`);
    const quantity = (byProduct.get(productId)?.quantity ?? 0) + item.quantity;
    if (!Number.isSafeInteger(item.quantity) || item.quantity < 1 || quantity > MAX_UNITS) {
      throw InvalidArgumentError.of(
        `items[${index}].quantity`,
        `must be 1 to ${MAX_UNITS}, all lines of a product together`,
      );
    }
    byProduct.set(productId, { productId, quantity });
  }
  return [...byProduct.values()].sort((a, b) => (BigInt(a.productId) < BigInt(b.productId) ? -1 : 1));
}

function sameLines(stored: readonly StoredReservation[], lines: readonly StockLine[]): boolean {
  const quantities = new Map(stored.map(({ productId, quantity }) => [productId, quantity]));
  return (
    quantities.size === lines.length && lines.every(({ productId, quantity }) => quantities.get(productId) === quantity)
  );
}

function conflict(orderSn: string, what: string): AppError {
  return new AppError('CONFLICT', `order ${orderSn} ${what}`, { details: { field: 'order_id', order_id: orderSn } });
}
