import type { Id } from '@coupon/domain';

export type ProductId = Id<'product'>;

/** RESERVED -> COMMITTED (sold) | RELEASED; COMMITTED -> RETURNED; RELEASED -> RESERVED, in a later saga of the same order. */
export type ReservationState = 'RESERVED' | 'COMMITTED' | 'RELEASED' | 'RETURNED';

/** So many units of one product. */
export interface StockLine {
  readonly productId: ProductId;
  readonly quantity: number;
}

export interface StoredReservation extends StockLine {
  readonly state: ReservationState;
}

/** A line that is held for its order now. */
export interface ReservedLine extends StockLine {
  /** Units of the product that are left; at the time of the answer when the line had been reserved before. */
  readonly remaining: number;
}

/** A line whose units have just been taken. */
export interface TakenLine extends ReservedLine {
  /** Of the product, after it. */
  readonly version: number;
}

export interface NewProduct {
  readonly name: string;
  readonly priceMinor: bigint;
  readonly categoryId: string | null;
  readonly stock: number;
}

export interface Product extends NewProduct {
  readonly id: ProductId;
  readonly reserved: number;
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** Units one order may take, and a product may have. */
export const MAX_UNITS = 1_000_000_000;
/** Products of one order. */
export const MAX_LINES = 200;
