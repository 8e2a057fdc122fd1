import { readStock, takeAtVersion } from '../adapters/stock-rows';
import type { StockStrategy } from '../use-cases/stock-strategy';
import { lineByLine } from './line-by-line';

/**
 * Reads, and writes if the version is still the one that was read; who is too late begins again. Nobody gives up while units remain: only a
 * reading of the stock says that they do not, and the time to wait is bounded for everybody alike.
 */
export const optimisticStrategy: StockStrategy = Object.freeze({
  name: 'optimistic',
  looksFirst: false,
  take: lineByLine(async (tx, line) => {
    const [product] = await readStock(tx, [line.productId]);
    if (product === undefined) return { kind: 'missing' };
    if (product.stock < line.quantity) return { kind: 'short', available: product.stock };
    if (!(await takeAtVersion(tx, line, product.version))) return { kind: 'contended' };
    const { stock, version } = product;
    return { kind: 'taken', line: { ...line, remaining: stock - line.quantity, version: version + 1 } };
  }),
  exclusively: async (_productIds, _deadline, work) => ({ kind: 'done', value: await work() }),
} satisfies StockStrategy);
