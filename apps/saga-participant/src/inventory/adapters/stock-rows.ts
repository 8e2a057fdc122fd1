import { classifyMysqlError } from '@coupon/persistence';
import type { ShopTransaction } from '../../adapters/databases';
import { Prisma } from '../../generated/client';
import type { ProductId, ReservationState, StockLine, StoredReservation } from '../use-cases/model';

/** Any connection: a transaction, or the client itself. */
export type ShopStatements = Pick<ShopTransaction, '$queryRaw' | '$executeRaw'>;

export interface StockRow {
  readonly productId: ProductId;
  readonly stock: number;
  readonly version: number;
}

interface RawReservation {
  readonly product_id: bigint;
  readonly quantity: number;
  readonly state: ReservationState;
}

/** The order's rows, of all products or of the one given. */
export async function readReservations(
  tx: ShopStatements,
  orderSn: string,
  options: { readonly productId?: ProductId; readonly lock?: boolean } = {},
): Promise<StoredReservation[]> {
  const only =
    options.productId === undefined ? Prisma.empty : Prisma.sql`AND product_id = ${BigInt(options.productId)}`;
  const lock = options.lock === true ? Prisma.sql`FOR UPDATE` : Prisma.empty;
  const rows = await tx.$queryRaw<RawReservation[]>`
    SELECT product_id, quantity, state FROM stock_reservations WHERE order_sn = ${orderSn} ${only} ORDER BY product_id ${lock}`;
  return rows.map(({ product_id, quantity, state }) => ({
    productId: String(product_id) as ProductId,
    quantity,
    state,
  }));
}

/** The products that exist, by id ascending; locked one after the other in that order. */
export async function readStock(
  tx: ShopStatements,
  productIds: readonly ProductId[],
  options: { readonly lock?: boolean } = {},
): Promise<StockRow[]> {
  const lock = options.lock === true ? Prisma.sql`FOR UPDATE` : Prisma.empty;
  const rows = await tx.$queryRaw<{ id: bigint; stock: number; version: number }[]>`
    SELECT id, stock, version FROM products FORCE INDEX (PRIMARY)
    WHERE id IN (${Prisma.join(productIds.map(BigInt))}) ORDER BY id ${lock}`;
  return rows.map(({ id, stock, version }) => ({ productId: String(id) as ProductId, stock, version }));
}

/**
 * The same products, locked, and whether the order has rows, of all products or of the one given. Rows that it gets while this waits for a lock are
 * not seen, as with a reading before it: their unique key keeps them from being written twice.
 */
export async function readStockForOrder(
  tx: ShopStatements,
  { orderSn, productId }: { readonly orderSn: string; readonly productId: ProductId | undefined },
  productIds: readonly ProductId[],
): Promise<{ readonly isKnown: boolean; readonly products: readonly StockRow[] }> {
  const only = productId === undefined ? Prisma.empty : Prisma.sql`AND r.product_id = ${BigInt(productId)}`;
  const rows = await tx.$queryRaw<{ id: bigint; stock: number; version: number; known: bigint | number }[]>`
    SELECT id, stock, version, EXISTS (SELECT 1 FROM stock_reservations r WHERE r.order_sn = ${orderSn} ${only}) AS known
    FROM products FORCE INDEX (PRIMARY)
    WHERE id IN (${Prisma.join(productIds.map(BigInt))}) ORDER BY id FOR UPDATE`;
  return {
    // Without any product nothing has been said about the order.
    isKnown: rows.length === 0 || rows.some(({ known }) => Number(known) !== 0),
    products: rows.map(({ id, stock, version }) => ({ productId: String(id) as ProductId, stock, version })),
  };
}

/** Units of all lines go from stock to reserved. The transaction has locked the products and has seen that there are enough. */
export async function takeLocked(tx: ShopStatements, lines: readonly StockLine[]): Promise<void> {
  const cases = lines.map(({ productId, quantity }) => Prisma.sql`WHEN ${BigInt(productId)} THEN ${quantity}`);
  const quantity = Prisma.sql`CASE id ${Prisma.join(cases, ' ')} END`;
  const ids = Prisma.join(lines.map(({ productId }) => BigInt(productId)));
  const rows = await tx.$executeRaw`
    UPDATE products SET stock = stock - ${quantity}, reserved = reserved + ${quantity}, version = version + 1 WHERE id IN (${ids})`;
  if (rows !== lines.length) throw new Error(`${rows} of ${lines.length} products were there under their locks`);
}

/** Units go from stock to reserved if the product still has this version. @returns whether it had */
export async function takeAtVersion(tx: ShopStatements, line: StockLine, version: number): Promise<boolean> {
  const { quantity, productId } = line;
  const rows = await tx.$executeRaw`
    UPDATE products SET stock = stock - ${quantity}, reserved = reserved + ${quantity}, version = version + 1
    WHERE id = ${BigInt(productId)} AND version = ${version}`;
  return rows === 1;
}

/** Units go from stock to reserved if there are enough. @returns whether there were */
export async function takeIfEnough(tx: ShopStatements, { productId, quantity }: StockLine): Promise<boolean> {
  const rows = await tx.$executeRaw`
    UPDATE products SET stock = stock - ${quantity}, reserved = reserved + ${quantity}, version = version + 1
    WHERE id = ${BigInt(productId)} AND stock >= ${quantity}`;
  return rows === 1;
}

/** Moves units that an order holds or has bought: back into stock, or out of the house. */
export async function settleUnits(
  tx: ShopStatements,
  productId: ProductId,
  change: { readonly stock: number; readonly reserved: number },
): Promise<void> {
  const rows = await tx.$executeRaw`
    UPDATE products SET stock = stock + ${change.stock}, reserved = reserved - ${change.reserved}, version = version + 1
    WHERE id = ${BigInt(productId)} AND reserved >= ${change.reserved}`;
  if (rows !== 1) throw new Error(`product ${productId} has no ${change.reserved} units reserved`);
}

/** @returns false when one of the order's products has a row already: the transaction must be rolled back */
export async function insertReservations(
  tx: ShopStatements,
  orderSn: string,
  lines: readonly StockLine[],
): Promise<boolean> {
  const rows = lines.map(
    ({ productId, quantity }) => Prisma.sql`(${orderSn}, ${BigInt(productId)}, ${quantity}, 'RESERVED')`,
  );
  try {
    await tx.$executeRaw`
      INSERT INTO stock_reservations (order_sn, product_id, quantity, state) VALUES ${Prisma.join(rows)}`;
    return true;
  } catch (error) {
    if (classifyMysqlError(error).kind === 'duplicate') return false;
    throw error;
  }
}

/** @returns false when the row is not in state `from` (any more) */
export async function moveReservation(
  tx: ShopStatements,
  orderSn: string,
  line: StockLine,
  { from, to }: { readonly from: ReservationState; readonly to: ReservationState },
): Promise<boolean> {
  const rows = await tx.$executeRaw`
    UPDATE stock_reservations SET state = ${to}, quantity = ${line.quantity}
    WHERE order_sn = ${orderSn} AND product_id = ${BigInt(line.productId)} AND state = ${from}`;
  return rows === 1;
}
