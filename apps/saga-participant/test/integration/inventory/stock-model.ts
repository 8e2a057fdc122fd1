import type { Line } from './inventory-fixture';

export type State = 'RESERVED' | 'COMMITTED' | 'RELEASED' | 'RETURNED';

/** `ok`, or the code it is refused with. */
export type Outcome = 'ok' | 'SOLD_OUT' | 'CONFLICT';

interface Row {
  quantity: number;
  state: State;
}

/** What stock and reservations must be, by the plainest means. */
export class StockModel {
  readonly stock: Map<string, number>;
  private readonly orders = new Map<string, Map<string, Row>>();

  constructor(initial: ReadonlyMap<string, number>) {
    this.stock = new Map(initial);
  }

  reserve(orderSn: string, lines: readonly Line[], inSaga: boolean): Outcome {
    const rows = this.rowsOf(orderSn);
    const wanted = summed(lines);
    const active = [...rows].filter(([, { state }]) => state === 'RESERVED' || state === 'COMMITTED');
    if (active.length > 0) {
      const same = active.length === wanted.size && active.every(([id, row]) => wanted.get(id) === row.quantity);
      if (!same) return 'CONFLICT';
      return inSaga && active.some(([, { state }]) => state === 'COMMITTED') ? 'CONFLICT' : 'ok';
    }
    if ([...rows.values()].some(({ state }) => state === 'RETURNED')) return 'CONFLICT';
    if (rows.size > 0 && !inSaga) return 'CONFLICT';
    for (const [id, quantity] of wanted) if ((this.stock.get(id) ?? 0) < quantity) return 'SOLD_OUT';
    for (const [id, quantity] of wanted) {
      this.add(id, -quantity);
      rows.set(id, { quantity, state: 'RESERVED' });
    }
    return 'ok';
  }

  release(orderSn: string, alsoSold: boolean): Outcome {
    for (const [id, row] of this.rowsOf(orderSn)) {
      if (row.state === 'RESERVED') row.state = 'RELEASED';
      else if (row.state === 'COMMITTED' && alsoSold) row.state = 'RETURNED';
      else continue;
      this.add(id, row.quantity);
    }
    return 'ok';
  }

  commit(orderSn: string): Outcome {
    const rows = [...this.rowsOf(orderSn).values()];
    if (rows.length === 0 || rows.some(({ state }) => state === 'RELEASED' || state === 'RETURNED')) return 'CONFLICT';
    for (const row of rows) row.state = 'COMMITTED';
    return 'ok';
  }

  /** Of one product, as the specs read it from the database. */
  reservations(productId: string): string[] {
    return [...this.orders]
      .flatMap(([orderSn, rows]) => {
        const row = rows.get(productId);
        return row === undefined ? [] : [`${orderSn} ${row.quantity} ${row.state}`];
      })
      .sort();
  }

  private rowsOf(orderSn: string): Map<string, Row> {
    const rows = this.orders.get(orderSn) ?? new Map<string, Row>();
    this.orders.set(orderSn, rows);
    return rows;
  }

  private add(productId: string, units: number): void {
    this.stock.set(productId, (this.stock.get(productId) ?? 0) + units);
  }
}

function summed(lines: readonly Line[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { productId, quantity } of lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  return sums;
}
