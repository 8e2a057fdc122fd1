import { z } from 'zod';
import { isIdText } from '@coupon/domain';
import type { OrderEventBody } from './order-events';
import { isTimestamp } from './timestamp';

const timestamp = z.string().refine(isTimestamp, 'must be an RFC 3339 time in UTC with milliseconds');
const amount = z.string().regex(/^\d{1,8}\.\d{2}$/, 'must be an amount with two decimals, such as "12.30"');
const serial = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -');

/** Body of every event of an order. */
export const orderEventSchema: z.ZodType<OrderEventBody> = z.looseObject({
  schema_version: z.literal(1),
  event_id: z.string().regex(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 printable characters'),
  order_sn: serial,
  user_id: z.string().refine(isIdText, 'must be a decimal id'),
  payment_sn: serial,
  original_amount: amount,
  discount_amount: amount,
  final_amount: amount,
  payment_deadline: timestamp.optional(),
  reason_code: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]{0,63}$/, 'must be a code')
    .optional(),
  at: timestamp,
});
