import { FLASH_SALE_RELEASED, FLASH_SALE_SUCCEEDED } from '@coupon/contracts';
import { workQueueTopology } from '@coupon/messaging';
import type { Topology } from '@coupon/messaging';

export const EVENTS_EXCHANGE = 'coupon.events';
export const CLAIMS_QUEUE = 'seckill-worker.claims';

/** Declared by relay and consumer alike, before the first message (invariant 5). */
export function claimTopology(): Topology {
  return workQueueTopology({
    exchange: EVENTS_EXCHANGE,
    queue: CLAIMS_QUEUE,
    routingKeys: [FLASH_SALE_SUCCEEDED, FLASH_SALE_RELEASED],
  });
}
