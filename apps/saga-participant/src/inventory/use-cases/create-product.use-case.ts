import { createHash } from 'node:crypto';
import { AppError } from '@coupon/domain';
import type { ShopDatabase } from '../../adapters/databases';
import { findCreated, insertProduct } from '../adapters/product-rows';
import type { CreationKey } from '../adapters/product-rows';
import type { NewProduct, Product } from './model';

export interface CreateProduct {
  readonly product: NewProduct;
  /** Who asks: two people may choose the same key. */
  readonly subject: string;
  readonly idempotencyKey: string | undefined;
}

/**
 * Once per Idempotency-Key: a repeated request is answered with its product, as it is now.
 * @throws AppError CONFLICT when the key was used for another product
 */
export async function createProduct(shop: ShopDatabase, command: CreateProduct): Promise<Product> {
  const creation = creationKeyOf(command);
  return shop.transaction(async (tx) => {
    const known = creation && (await findCreated(tx, creation.key));
    if (known) return sameProduct(known, creation);
    const created = await insertProduct(tx, command.product, creation);
    if (created !== null) return created;
    // Somebody with the same key was faster, and has committed: the unique key waited for that.
    const first = creation && (await findCreated(tx, creation.key));
    if (!first) throw new Error('a product is missing whose key is taken');
    return sameProduct(first, creation);
  });
}

function sameProduct(
  known: { readonly product: Product; readonly hash: string | null },
  creation: CreationKey,
): Product {
  if (known.hash === creation.hash) return known.product;
  throw new AppError('CONFLICT', 'Idempotency-Key was used for another request', {
    details: { field: 'Idempotency-Key' },
  });
}

function creationKeyOf({ product, subject, idempotencyKey }: CreateProduct): CreationKey | undefined {
  if (idempotencyKey === undefined) return undefined;
  const { name, priceMinor, categoryId, stock } = product;
  return {
    key: sha256([subject, idempotencyKey]),
    hash: sha256([name, String(priceMinor), categoryId, stock]),
  };
}

function sha256(parts: readonly (string | number | null)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
