import { formatMoney, parseMoney } from '@coupon/domain';
import { classifyMysqlError } from '@coupon/persistence';
import type { Page } from '@coupon/service-kit';
import type { ShopTransaction } from '../../adapters/databases';
import type { Product as ProductRow } from '../../generated/client';
import type { NewProduct, Product, ProductId } from '../use-cases/model';

export type ProductTable = Pick<ShopTransaction, 'product'>;

/** Under which key a product was created, and what for. */
export interface CreationKey {
  readonly key: string;
  readonly hash: string;
}

/** @returns null when the key has been used before */
export async function insertProduct(
  tables: ProductTable,
  product: NewProduct,
  creation: CreationKey | undefined,
): Promise<Product | null> {
  const { name, priceMinor, categoryId, stock } = product;
  try {
    return productOf(
      await tables.product.create({
        data: {
          name,
          price: formatMoney(priceMinor),
          categoryId: categoryId === null ? null : BigInt(categoryId),
          stock,
          creationKey: creation?.key ?? null,
          creationHash: creation?.hash ?? null,
        },
      }),
    );
  } catch (error) {
    if (creation !== undefined && classifyMysqlError(error).kind === 'duplicate') return null;
    throw error;
  }
}

export async function findCreated(
  tables: ProductTable,
  key: string,
): Promise<{ readonly product: Product; readonly hash: string | null } | null> {
  const row = await tables.product.findUnique({ where: { creationKey: key } });
  return row && { product: productOf(row), hash: row.creationHash };
}

export async function findProduct(tables: ProductTable, id: ProductId): Promise<Product | null> {
  const row = await tables.product.findUnique({ where: { id: BigInt(id) } });
  return row && productOf(row);
}

/** Newest first. */
export async function listProducts(tables: ProductTable, page: Page): Promise<Product[]> {
  const rows = await tables.product.findMany({
    where: page.beforeId === null ? {} : { id: { lt: BigInt(page.beforeId) } },
    orderBy: { id: 'desc' },
    take: page.limit,
  });
  return rows.map(productOf);
}

function productOf(row: ProductRow): Product {
  return {
    id: String(row.id) as ProductId,
    name: row.name,
    priceMinor: parseMoney(row.price.toFixed(2), 'price'),
    categoryId: row.categoryId === null ? null : String(row.categoryId),
    stock: row.stock,
    reserved: row.reserved,
    version: row.version,
    createdAtMs: row.createdAt.getTime(),
    updatedAtMs: row.updatedAt.getTime(),
  };
}
