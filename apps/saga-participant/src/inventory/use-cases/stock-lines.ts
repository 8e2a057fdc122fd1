import type { ProductId, StockLine } from './model';

export function idsOf(lines: readonly StockLine[]): ProductId[] {
  return lines.map(({ productId }) => productId);
}
