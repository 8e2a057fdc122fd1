import type { ShopTransaction } from '../../adapters/databases';
import { readStock, readStockForOrder, takeLocked } from '../adapters/stock-rows';
import type { StockRow } from '../adapters/stock-rows';
import type { StockLine, TakenLine } from '../use-cases/model';
import type { StockStrategy, Taken } from '../use-cases/stock-strategy';
import { idsOf } from '../use-cases/stock-lines';

/** `SELECT … FOR UPDATE`: who comes later waits at the first row they share until the one before has committed. */
export const pessimisticStrategy: StockStrategy = Object.freeze({
  name: 'pessimistic',
  looksFirst: false,
  take: async (tx, lines) => takeFrom(tx, await readStock(tx, idsOf(lines), { lock: true }), lines),
  takeFresh: async (tx, order, lines) => {
    const { isKnown, products } = await readStockForOrder(tx, order, idsOf(lines));
    return isKnown ? { kind: 'known' } : takeFrom(tx, products, lines);
  },
  exclusively: async (_productIds, _deadline, work) => ({ kind: 'done', value: await work() }),
} satisfies StockStrategy);

/** @param locked the products as they are under their locks */
async function takeFrom(tx: ShopTransaction, locked: readonly StockRow[], lines: readonly StockLine[]): Promise<Taken> {
  const products = new Map(locked.map((product) => [product.productId, product]));
  const taken: TakenLine[] = [];
  for (const line of lines) {
    const product = products.get(line.productId);
    if (product === undefined) return { kind: 'missing', line };
    if (product.stock < line.quantity) return { kind: 'short', line, available: product.stock };
    taken.push({ ...line, remaining: product.stock - line.quantity, version: product.version + 1 });
  }
  await takeLocked(tx, lines);
  return { kind: 'taken', lines: taken };
}
