import type { Violation } from '../../verify/violation';
import type { OrderStory } from '../story';
import type { RedemptionTruth } from '../truth';
import { verifyCoupons } from './verify-coupons';
import { verifyMoney } from './verify-money';
import { verifyOrders } from './verify-orders';
import { verifyStock } from './verify-stock';

export interface RedemptionStory {
  readonly orders: readonly OrderStory[];
  /** Product -> units it was created with. */
  readonly initialStock: ReadonlyMap<string, number>;
}

/**
 * Compares both databases with themselves, with each other and with what the clients lived, once everything has come to rest. Pure; knows
 * nothing of how the truth came about. Empty when all is well.
 */
export function verifyRedemption(truth: RedemptionTruth, story: RedemptionStory): Violation[] {
  return [
    ...verifyOrders(truth, story.orders),
    ...verifyCoupons(truth),
    ...verifyMoney(truth),
    ...verifyStock(truth, story.initialStock),
  ];
}
