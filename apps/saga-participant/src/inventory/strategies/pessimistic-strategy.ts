import { readStock, takeLocked } from '../adapters/stock-rows';
import type { TakenLine } from '../use-cases/model';
import type { StockStrategy } from '../use-cases/stock-strategy';

/** `SELECT … FOR UPDATE`: who comes later waits at the first row they share until the one before has committed. */
export const pessimisticStrategy: StockStrategy = Object.freeze({
  name: 'pessimistic',
  looksFirst: false,
  take: async (tx, lines) => {
    const ids = lines.map(({ productId }) => productId);
    const products = new Map((await readStock(tx, ids, { lock: true })).map((product) => [product.productId, product]));
    const taken: TakenLine[] = [];
    for (const line of lines) {
      const product = products.get(line.productId);
      if (product === undefined) return { kind: 'missing', line };
      if (product.stock < line.quantity) return { kind: 'short', line, available: product.stock };
      taken.push({ ...line, remaining: product.stock - line.quantity, version: product.version + 1 });
    }
    await takeLocked(tx, lines);
    return { kind: 'taken', lines: taken };
  },
  exclusively: async (_productIds, _deadline, work) => ({ kind: 'done', value: await work() }),
} satisfies StockStrategy);
