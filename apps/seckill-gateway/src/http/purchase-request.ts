import { AppError, InvalidArgumentError, isIdempotencyKey, parseId } from '@coupon/domain';
import type { ActivityId, UserId } from '@coupon/domain';
import type { ClaimCommand } from '../use-cases/claim-answer';

/** The largest quantity a request may name (int32, as in gRPC); the activity's limit decides below it. */
export const MAX_QUANTITY = 2_147_483_647;

/**
 * The body of POST /api/v1/seckill/purchase and its Idempotency-Key as a command. Unknown fields are ignored on this route.
 * @throws InvalidArgumentError naming the field; NOT_FOUND for `product_id`: product sales do not exist yet.
 */
export function parsePurchase(
  body: unknown,
  idempotencyKey: string | undefined,
  address: string,
  purchaseToken?: string,
): ClaimCommand {
  const { activity_id: activity, product_id: product, user_id: user, quantity } = bodyFields(body);
  if (activity === undefined && product !== undefined) {
    parseId(product, 'product_id');
    parseId(user, 'user_id');
    throw new AppError('NOT_FOUND', 'product_id: no such product sale', { details: { field: 'product_id' } });
  }
  return {
    activityId: parseId<'activity'>(activity, 'activity_id') satisfies ActivityId,
    userId: parseId<'user'>(user, 'user_id') satisfies UserId,
    quantity: parseQuantity(quantity),
    idempotencyKey: parseKey(idempotencyKey),
    address,
    purchaseToken,
  };
}

/** @throws InvalidArgumentError for anything but a JSON object */
export function bodyFields(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw InvalidArgumentError.of('body', 'must be a JSON object');
  }
  return body as Record<string, unknown>;
}

export function parseQuantity(value: unknown): number {
  if (value === undefined) return 1;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_QUANTITY) {
    throw InvalidArgumentError.of('quantity', `must be a whole number from 1 to ${MAX_QUANTITY}`);
  }
  return value;
}

export function parseKey(value: string | undefined): string {
  if (value === undefined) return '';
  if (!isIdempotencyKey(value)) {
    throw InvalidArgumentError.of('Idempotency-Key', 'must be 1 to 64 printable ASCII characters without spaces');
  }
  return value;
}
