import { Prisma } from '../../generated/client';
import type { ShopTransaction } from '../../adapters/databases';
import { minorOf } from './sql';

/** What the price of an order depends on. */
export interface PricedProduct {
  readonly id: string;
  readonly categoryId: string | null;
  readonly priceMinor: bigint;
}

/** By id; products that are not there are missing. */
export async function readProducts(db: ShopTransaction, ids: readonly string[]): Promise<Map<string, PricedProduct>> {
  const rows = await db.$queryRaw<{ id: bigint; categoryId: bigint | null; price: string }[]>`
    SELECT id, category_id AS categoryId, CAST(price AS CHAR) AS price FROM products
    WHERE id IN (${Prisma.join([...new Set(ids)].map(BigInt))})`;
  return new Map(
    rows.map(({ id, categoryId, price }) => [
      String(id),
      { id: String(id), categoryId: categoryId === null ? null : String(categoryId), priceMinor: minorOf(price) },
    ]),
  );
}
