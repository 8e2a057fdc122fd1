import { AppError } from '@coupon/domain';
import type { ActivityId, UserId } from '@coupon/domain';
import type { ActivitySnapshot } from '@coupon/lua';
import { statusOf } from './get-activity-stats.use-case';
import type { PurchaseToken, PurchaseTokens } from './purchase-token';
import type { SaleReadings } from './sale-readings';

export interface IssuePurchaseTokenDependencies {
  readonly tokens: PurchaseTokens;
  readonly readings: SaleReadings;
  /** How long before the start tokens are given out, milliseconds. */
  readonly leadMs: number;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
}

/**
 * A token for an activity that is open or about to open. Whether the activity asks for one is not told: everybody gets it.
 * @throws NOT_STARTED, PAUSED, ENDED, NOT_READY, ACTIVITY_NOT_FOUND
 */
export async function issuePurchaseToken(
  deps: IssuePurchaseTokenDependencies,
  activityId: ActivityId,
  userId: UserId,
): Promise<PurchaseToken> {
  requireReachable(await deps.readings.now(activityId), deps.leadMs);
  return deps.tokens.mint(activityId, userId, deps.nowMs());
}

function requireReachable(sale: ActivitySnapshot, leadMs: number): void {
  switch (statusOf(sale)) {
    case 'running':
      return;
    case 'paused':
      throw new AppError('PAUSED', 'the sale is paused');
    case 'ended':
      throw new AppError('ENDED', 'the sale is over');
    case 'pending':
      if (sale.nowMs < sale.startMs - leadMs) throw new AppError('NOT_STARTED', 'the sale has not started');
      // Its time has come and Redis still holds it closed: whoever opens it is late.
      if (sale.nowMs >= sale.startMs) throw new AppError('NOT_READY', 'not ready, please try again');
  }
}
