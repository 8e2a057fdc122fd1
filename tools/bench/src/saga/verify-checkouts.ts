import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { ShopBed } from './shop-bed';

/** What every client of a run must have been told: nothing of a run is refused. */
const EXPECTED = 'AWAITING_PAYMENT';

/** Both databases hold exactly the orders that clients were told of, each with its coupon, payment and stock. @throws what is otherwise */
export async function verifyCheckouts(bed: ShopBed, prefix: string, told: ReadonlyMap<string, string>): Promise<void> {
  requireTold(told);
  const like = `${prefix}-%`;
  const [orders] = await bed.shop.query<RowDataPacket[]>('SELECT order_sn, status FROM orders WHERE order_sn LIKE ?', [
    like,
  ]);
  const wrong = orders.filter((row) => told.get(String(row['order_sn'])) !== row['status']);
  if (wrong.length > 0 || orders.length !== told.size) {
    throw new Error(`${orders.length} orders, ${told.size} told, ${wrong.length} of them other than told`);
  }
  const expected = told.size;
  const counts: readonly (readonly [string, number, Connection, string])[] = [
    [
      'coupons locked',
      expected,
      bed.coupon,
      'SELECT COUNT(*) AS n FROM user_coupons WHERE status = 2 AND order_sn LIKE ?',
    ],
    ['payments', expected, bed.shop, "SELECT COUNT(*) AS n FROM payments WHERE status = 'CREATED' AND order_sn LIKE ?"],
    [
      'units reserved',
      2 * expected,
      bed.shop,
      "SELECT COALESCE(SUM(quantity), 0) AS n FROM stock_reservations WHERE state = 'RESERVED' AND order_sn LIKE ?",
    ],
    [
      'sagas succeeded',
      expected,
      bed.shop,
      "SELECT COUNT(*) AS n FROM saga_runs WHERE state = 'SUCCEEDED' AND order_sn LIKE ?",
    ],
  ];
  for (const [what, wanted, connection, sql] of counts)
    requireCount(what, wanted, await countOf(connection, sql, like));
}

/** Each saga of the floor has passed four barriers, one in `coupon` and three in `shop`. */
export async function verifyFloor(bed: ShopBed, prefix: string, told: ReadonlyMap<string, string>): Promise<void> {
  requireTold(told);
  const like = `checkout-${prefix}-%`;
  const sql = "SELECT COUNT(*) AS n FROM barrier WHERE op = 'action' AND reason = 'action' AND gid LIKE ?";
  requireCount('barriers in coupon', told.size, await countOf(bed.coupon, sql, like));
  requireCount('barriers in shop', 3 * told.size, await countOf(bed.shop, sql, like));
}

function requireTold(told: ReadonlyMap<string, string>): void {
  const others = [...told].filter(([, status]) => status !== EXPECTED);
  const [first] = others;
  if (first) throw new Error(`${others.length} of ${told.size} checkouts were answered otherwise: ${first.join(': ')}`);
}

function requireCount(what: string, wanted: number, found: number): void {
  if (found !== wanted) throw new Error(`${found} ${what}, ${wanted} by what clients were told`);
}

async function countOf(connection: Connection, sql: string, like: string): Promise<number> {
  const [[row]] = await connection.query<RowDataPacket[]>(sql, [like]);
  return Number(row?.['n']);
}
