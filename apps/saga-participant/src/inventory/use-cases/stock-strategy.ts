import type { ShopTransaction } from '../../adapters/databases';
import type { StockStrategy as StrategyName } from '../../config';
import type { ProductId, StockLine, TakenLine } from './model';

export type Taken =
  | { readonly kind: 'taken'; readonly lines: readonly TakenLine[] }
  | { readonly kind: 'short'; readonly line: StockLine; readonly available: number }
  | { readonly kind: 'missing'; readonly line: StockLine }
  /** Somebody else was faster: the transaction must be repeated. */
  | { readonly kind: 'contended' };

/** Until when somebody waits for others, as milliseconds of the clock. */
export type Deadline = number;

/**
 * How the buyers of one product are kept from taking more than there is. Whatever the strategy, units are taken by one transaction that
 * decides in MySQL, and one product by id after the other.
 */
export interface StockStrategy {
  readonly name: StrategyName;
  /** True where waiting for one's turn is dear enough to look first whether anything is left. */
  readonly looksFirst: boolean;
  /** Takes the units of all lines, which are by product id ascending. What is not taken in full must be rolled back. */
  take(tx: ShopTransaction, lines: readonly StockLine[]): Promise<Taken>;
  /**
   * The same for an order that has no rows yet, where that can be told with the same reading. `known`: it may have some, nothing was taken.
   * @param productId given: rows of this product alone
   */
  takeFresh?(
    tx: ShopTransaction,
    order: { readonly orderSn: string; readonly productId: ProductId | undefined },
    lines: readonly StockLine[],
  ): Promise<Taken | { readonly kind: 'known' }>;
  /**
   * Runs `work`, which makes transactions, with what must be held around them; `busy` when that is not to be had before the deadline.
   * @throws AppError NOT_READY when it cannot be had at all
   */
  exclusively<T>(
    productIds: readonly ProductId[],
    deadline: Deadline,
    work: () => Promise<T>,
  ): Promise<{ readonly kind: 'done'; readonly value: T } | { readonly kind: 'busy' }>;
}
