import { AppError } from '@coupon/domain';
import type { ShopTransaction } from '../../adapters/databases';
import { moveReservation, readReservations, readStock, settleUnits } from '../adapters/stock-rows';
import { ContendedError } from './contention';
import type { ProductId, ReservationState, StoredReservation } from './model';

/** A reservation after it was settled. */
export type SettledLine = StoredReservation;

export interface ReleaseCommand {
  readonly orderSn: string;
  /** Absent: everything the order has. */
  readonly productId?: ProductId;
  /** Sold units go back, too: the order is refunded. A compensation gives back only what its action has taken. */
  readonly alsoSold: boolean;
}

/**
 * Gives an order's units back into stock, in the caller's transaction; what was given back before stays as it is.
 * @returns the order's rows; empty when it never had any
 * @throws ContendedError roll back and repeat
 */
export async function releaseStock(tx: ShopTransaction, command: ReleaseCommand): Promise<readonly SettledLine[]> {
  const rows = await lockedReservations(tx, command);
  return settleEach(tx, command.orderSn, rows, (state) => {
    if (state === 'RESERVED') return { to: 'RELEASED', toStock: true, fromReserved: true };
    if (state === 'COMMITTED' && command.alsoSold) return { to: 'RETURNED', toStock: true, fromReserved: false };
    return undefined;
  });
}

/**
 * The order's reserved units are sold, in the caller's transaction; what is sold already stays sold.
 * @throws AppError CONFLICT when the order holds nothing, or something of it was given back: there is nothing to sell
 * @throws ContendedError roll back and repeat
 */
export async function commitStock(tx: ShopTransaction, orderSn: string): Promise<readonly SettledLine[]> {
  const rows = await lockedReservations(tx, { orderSn });
  const held = rows.filter(({ state }) => state === 'RESERVED' || state === 'COMMITTED');
  if (held.length === 0 || held.length < rows.length) {
    throw new AppError('CONFLICT', `order ${orderSn} does not hold its units`, {
      details: { field: 'order_sn', order_id: orderSn },
    });
  }
  return settleEach(tx, orderSn, rows, (state) =>
    state === 'RESERVED' ? { to: 'COMMITTED', toStock: false, fromReserved: true } : undefined,
  );
}

interface Move {
  readonly to: ReservationState;
  readonly toStock: boolean;
  readonly fromReserved: boolean;
}

/** Rows of products that are locked: products first, by id ascending, then their reservations, as everywhere in this database. */
async function lockedReservations(
  tx: ShopTransaction,
  { orderSn, productId }: Pick<ReleaseCommand, 'orderSn' | 'productId'>,
): Promise<StoredReservation[]> {
  const only = productId === undefined ? {} : { productId };
  const seen = await readReservations(tx, orderSn, only);
  if (seen.length === 0) return [];
  const locked = new Set(
    (
      await readStock(
        tx,
        seen.map((row) => row.productId),
        { lock: true },
      )
    ).map((row) => row.productId),
  );
  const rows = await readReservations(tx, orderSn, { ...only, lock: true });
  // A product that came to the order meanwhile is not locked, and must not be locked now, out of order.
  if (rows.some((row) => !locked.has(row.productId))) throw new ContendedError();
  return rows;
}

async function settleEach(
  tx: ShopTransaction,
  orderSn: string,
  rows: readonly StoredReservation[],
  moveOf: (state: ReservationState) => Move | undefined,
): Promise<SettledLine[]> {
  const settled: SettledLine[] = [];
  for (const row of rows) {
    const move = moveOf(row.state);
    if (move !== undefined) {
      const stock = move.toStock ? row.quantity : 0;
      await settleUnits(tx, row.productId, { stock, reserved: move.fromReserved ? row.quantity : 0 });
      if (!(await moveReservation(tx, orderSn, row, { from: row.state, to: move.to }))) {
        throw new Error(`the reservation of ${row.productId} for ${orderSn} has changed under its lock`);
      }
    }
    settled.push(move === undefined ? row : { ...row, state: move.to });
  }
  return settled;
}
