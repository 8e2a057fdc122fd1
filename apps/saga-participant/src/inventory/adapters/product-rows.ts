import { formatMoney, parseMoney } from '@coupon/domain';
import { classifyMysqlError } from '@coupon/persistence';
import type { Page } from '@coupon/service-kit';
import type { NewProduct, Product, ProductId } from '../use-cases/model';
import type { ShopStatements } from './stock-rows';
import { Prisma } from '../../generated/client';

/** Under which key a product was created, and what for. */
export interface CreationKey {
  readonly key: string;
  readonly hash: string;
}

interface Row {
  readonly id: bigint;
  readonly name: string;
  readonly price: string;
  readonly categoryId: bigint | null;
  readonly stock: number;
  readonly reserved: number;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly creationHash: string | null;
}

const SELECT = Prisma.sql`
  SELECT id, name, CAST(price AS CHAR) AS price, category_id AS categoryId, stock, reserved, version, created_at AS createdAt,
    updated_at AS updatedAt, creation_hash AS creationHash FROM products`;

/** On one connection, that of a transaction. @returns null when the key has been used before */
export async function insertProduct(
  tx: ShopStatements,
  product: NewProduct,
  creation: CreationKey | undefined,
): Promise<Product | null> {
  const { name, priceMinor, categoryId, stock } = product;
  try {
    await tx.$executeRaw`
      INSERT INTO products (name, price, category_id, stock, creation_key, creation_hash)
      VALUES (${name}, ${formatMoney(priceMinor)}, ${categoryId === null ? null : BigInt(categoryId)}, ${stock},
        ${creation?.key ?? null}, ${creation?.hash ?? null})`;
  } catch (error) {
    if (creation !== undefined && classifyMysqlError(error).kind === 'duplicate') return null;
    throw error;
  }
  const [row] = await tx.$queryRaw<Row[]>`${SELECT} WHERE id = LAST_INSERT_ID()`;
  if (row === undefined) throw new Error('a product is missing that was just written');
  return productOf(row);
}

export async function findCreated(
  tx: ShopStatements,
  key: string,
): Promise<{ readonly product: Product; readonly hash: string | null } | null> {
  const [row] = await tx.$queryRaw<Row[]>`${SELECT} WHERE creation_key = ${key}`;
  return row === undefined ? null : { product: productOf(row), hash: row.creationHash };
}

export async function findProduct(statements: ShopStatements, id: ProductId): Promise<Product | null> {
  const [row] = await statements.$queryRaw<Row[]>`${SELECT} WHERE id = ${BigInt(id)}`;
  return row === undefined ? null : productOf(row);
}

/** Newest first. */
export async function listProducts(statements: ShopStatements, page: Page): Promise<Product[]> {
  const older = page.beforeId === null ? Prisma.empty : Prisma.sql`WHERE id < ${BigInt(page.beforeId)}`;
  const rows = await statements.$queryRaw<Row[]>`${SELECT} ${older} ORDER BY id DESC LIMIT ${page.limit}`;
  return rows.map(productOf);
}

function productOf(row: Row): Product {
  return {
    id: String(row.id) as ProductId,
    name: row.name,
    priceMinor: parseMoney(row.price, 'price'),
    categoryId: row.categoryId === null ? null : String(row.categoryId),
    stock: row.stock,
    reserved: row.reserved,
    version: row.version,
    createdAtMs: row.createdAt.getTime(),
    updatedAtMs: row.updatedAt.getTime(),
  };
}
