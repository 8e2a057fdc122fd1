import type { ShopTransaction } from '../../adapters/databases';
import type { StockLine, TakenLine } from '../use-cases/model';
import type { StockStrategy, Taken } from '../use-cases/stock-strategy';

type TakenOne =
  | { readonly kind: 'taken'; readonly line: TakenLine }
  | { readonly kind: 'short'; readonly available: number }
  | { readonly kind: 'missing' }
  | { readonly kind: 'contended' };

/** For strategies that decide about one product after the other. */
export function lineByLine(
  takeOne: (tx: ShopTransaction, line: StockLine) => Promise<TakenOne>,
): StockStrategy['take'] {
  return async (tx, lines): Promise<Taken> => {
    const taken: TakenLine[] = [];
    for (const line of lines) {
      const one = await takeOne(tx, line);
      if (one.kind === 'contended') return one;
      if (one.kind !== 'taken') return { ...one, line };
      taken.push(one.line);
    }
    return { kind: 'taken', lines: taken };
  };
}
