import { readStock, takeAtVersion } from '../adapters/stock-rows';
import type { StockStrategy } from '../use-cases/stock-strategy';

/** `SELECT … FOR UPDATE`: who comes later waits at the row until the one before has committed. */
export const pessimisticStrategy: StockStrategy = Object.freeze({
  name: 'pessimistic',
  looksFirst: false,
  take: async (tx, line) => {
    const [product] = await readStock(tx, [line.productId], { lock: true });
    if (product === undefined) return { kind: 'missing' };
    if (product.stock < line.quantity) return { kind: 'short', available: product.stock };
    const taken = await takeAtVersion(tx, line, product.version);
    if (!taken) throw new Error(`product ${line.productId} has changed under its lock`);
    return { kind: 'taken', remaining: product.stock - line.quantity, version: product.version + 1 };
  },
  exclusively: async (_productIds, _deadline, work) => ({ kind: 'done', value: await work() }),
} satisfies StockStrategy);
