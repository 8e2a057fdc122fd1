import { MAX_AMOUNT_MINOR } from '@coupon/domain';
import { z } from 'zod';
import { SERIAL_NUMBER, SERIAL_NUMBER_RULE } from '../serial-number';

/**
 * CREATED -> CAPTURED | DECLINED | CANCELLED; DECLINED, CANCELLED -> CAPTURED (money that comes late is money all the same);
 * CAPTURED -> REFUNDED. NOT_REQUIRED: nothing is to be paid, for ever.
 */
export const PAYMENT_STATUSES = ['CREATED', 'CAPTURED', 'DECLINED', 'CANCELLED', 'REFUNDED', 'NOT_REQUIRED'] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

export interface Payment {
  readonly paymentSn: string;
  readonly orderSn: string;
  readonly userId: string;
  readonly amountMinor: bigint;
  readonly status: PaymentStatus;
  /** Of the capture; null before it. */
  readonly providerRef: string | null;
}

/** A number of an order or a payment. */
export const serialNumber = z.string().regex(SERIAL_NUMBER, SERIAL_NUMBER_RULE);

/** Minor units as gRPC carries them. */
export const minorUnits = z
  .string()
  .regex(/^\d{1,10}$/, 'must be an amount in minor units of at least 0')
  .transform(BigInt)
  .refine((minor) => minor <= MAX_AMOUNT_MINOR, 'must be at most 9999999999');
