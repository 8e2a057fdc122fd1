import type { CouponAdminClient } from '@coupon/contracts';
import { callUnary } from '@coupon/service-kit';
import type { LoadActivity } from '../use-cases/prewarm-activity.use-case';

/** Longer than coupon-admin waits for an operation by default. */
const DEADLINE_MS = 10_000;

/**
 * PrewarmFlashSale of coupon-admin with the caller's own token, so that it judges the role itself and its audit log names the operator.
 * Behind a proxy that authenticates there is no token: then the gateway speaks as such a proxy, and coupon-admin must trust its address.
 */
export function adminActivityLoader(
  client: CouponAdminClient,
  options: { readonly speaksAsProxy: boolean },
): LoadActivity {
  return (activityId, { authorization, identity, requestId, idempotencyKey }) =>
    callUnary(
      client.prewarmFlashSale.bind(client),
      { activityId },
      {
        deadlineMs: DEADLINE_MS,
        requestId,
        authorization,
        metadata: {
          'idempotency-key': idempotencyKey === '' ? undefined : idempotencyKey,
          ...(options.speaksAsProxy ? { 'x-user-id': identity.subject, 'x-user-role': identity.role } : {}),
        },
      },
    );
}
