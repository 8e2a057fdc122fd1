import { AppError } from '@coupon/domain';
import type { ShopTransaction } from '../../adapters/databases';
import { insertReservations, moveReservation, readReservations, readStock } from '../adapters/stock-rows';
import type { ShopStatements } from '../adapters/stock-rows';
import { appendStockReserved } from '../adapters/stock-events';
import { ContendedError } from './contention';
import type { ProductId, ReservedLine, StockLine, StoredReservation } from './model';
import { planReservation } from './plan-reservation';
import type { ReservationCaller } from './plan-reservation';
import { idsOf } from './stock-lines';
import type { StockStrategy, Taken } from './stock-strategy';

export interface ReserveCommand extends ReservationCaller {
  readonly orderSn: string;
  /** One per product, by id ascending. */
  readonly lines: readonly StockLine[];
  /** What the request is compared with: all that the order has, or its one product alone. */
  readonly about: 'order' | 'product';
}

/**
 * Takes the units of all lines for the order, or none, in the caller's transaction. What the order holds already is answered again.
 * @throws AppError NOT_FOUND, SOLD_OUT, CONFLICT: roll back
 * @throws ContendedError roll back and repeat
 */
export async function reserveStock(
  tx: ShopTransaction,
  strategy: StockStrategy,
  command: ReserveCommand,
): Promise<readonly ReservedLine[]> {
  const { orderSn, lines } = command;
  const fresh = await strategy.takeFresh?.(tx, { orderSn, productId: productOf(command) }, lines);
  if (fresh !== undefined && fresh.kind !== 'known') return keep(tx, command, fresh, { stored: [], again: NONE });
  const stored = await storedOf(tx, command);
  const plan = planReservation(orderSn, stored, lines, command);
  if (plan.kind === 'replay') return withRemaining(tx, lines);
  return keep(tx, command, await strategy.take(tx, lines), { stored, again: plan.again });
}

const NONE: ReadonlySet<string> = new Set();

/** @param known of the order, before the units were taken */
async function keep(
  tx: ShopTransaction,
  command: ReserveCommand,
  taken: Taken,
  known: { readonly stored: readonly StoredReservation[]; readonly again: ReadonlySet<string> },
): Promise<readonly ReservedLine[]> {
  if (taken.kind !== 'taken') throw await refusalOf(tx, taken, { command, stored: known.stored });
  await hold(tx, command.orderSn, command.lines, known.again);
  await appendStockReserved(tx, command.orderSn, taken.lines);
  return taken.lines;
}

/**
 * Refuses without a transaction an order that nothing is known of and that cannot be served now.
 * @throws AppError NOT_FOUND, SOLD_OUT
 */
export async function refuseWhatIsShort(statements: ShopStatements, command: ReserveCommand): Promise<void> {
  const products = await readStock(statements, idsOf(command.lines));
  const stock = new Map(products.map((product) => [product.productId, product.stock]));
  const problem = command.lines
    .map((line) => shortage(line, stock.get(line.productId)))
    .find((one) => one !== undefined);
  if (problem === undefined) return;
  // What the order has taken before is answered again, however little is left by now.
  if ((await storedOf(statements, command)).length === 0) throw problem;
}

function storedOf(statements: ShopStatements, command: ReserveCommand): ReturnType<typeof readReservations> {
  const productId = productOf(command);
  return readReservations(statements, command.orderSn, productId === undefined ? {} : { productId });
}

/** The one product that the request is about, if it is not about the order. */
function productOf({ about, lines }: ReserveCommand): ProductId | undefined {
  return about === 'product' ? lines[0]?.productId : undefined;
}

/** What is missing may be what the same order has taken since its rows were read: then they say so now. */
async function refusalOf(
  tx: ShopTransaction,
  units: Exclude<Taken, { readonly kind: 'taken' }>,
  read: { readonly command: ReserveCommand; readonly stored: readonly StoredReservation[] },
): Promise<Error> {
  if (units.kind === 'contended') return new ContendedError();
  const { line } = units;
  if (units.kind === 'missing') return unknownProduct(line.productId);
  const now = await storedOf(tx, read.command);
  return sameRows(now, read.stored) ? soldOut(line, units.available) : new ContendedError();
}

function sameRows(a: readonly StoredReservation[], b: readonly StoredReservation[]): boolean {
  return a.length === b.length && a.every((row, index) => row.state === b[index]?.state);
}

async function hold(
  tx: ShopTransaction,
  orderSn: string,
  lines: readonly StockLine[],
  again: ReadonlySet<string>,
): Promise<void> {
  for (const line of lines.filter(({ productId }) => again.has(productId))) {
    if (!(await moveReservation(tx, orderSn, line, { from: 'RELEASED', to: 'RESERVED' }))) throw new ContendedError();
  }
  const fresh = lines.filter(({ productId }) => !again.has(productId));
  if (fresh.length > 0 && !(await insertReservations(tx, orderSn, fresh))) throw new ContendedError();
}

async function withRemaining(tx: ShopStatements, lines: readonly StockLine[]): Promise<ReservedLine[]> {
  const stock = new Map((await readStock(tx, idsOf(lines))).map((product) => [product.productId, product.stock]));
  return lines.map((line) => ({ ...line, remaining: stock.get(line.productId) ?? 0 }));
}

function shortage(line: StockLine, stock: number | undefined): AppError | undefined {
  if (stock === undefined) return unknownProduct(line.productId);
  return stock < line.quantity ? soldOut(line, stock) : undefined;
}

function soldOut({ productId, quantity }: StockLine, available: number): AppError {
  return new AppError('SOLD_OUT', `product ${productId} has ${available} units left, not ${quantity}`, {
    details: { product_id: productId, available },
  });
}

export function unknownProduct(productId: ProductId): AppError {
  return new AppError('NOT_FOUND', `product ${productId} does not exist`, { details: { product_id: productId } });
}
