import { AppError } from '@coupon/domain';
import type { Clock } from '@coupon/service-kit';
import type { ShopDatabase } from '../../adapters/databases';
import { reading } from '../../adapters/reading';
import { readOrder } from '../adapters/order-rows';
import type { Order } from '../order';
import { isTransient } from '../order-transitions';
import type { DriveEnd } from '../sagas/saga-driver';

const POLL_MS = 50;

/** Waits until no saga of the order is under way, or the time is over. undefined: nobody can say at the moment. */
export async function waitForOrder(
  { shop, clock }: { readonly shop: ShopDatabase; readonly clock: Clock },
  orderSn: string,
  { timeoutMs, driven }: { readonly timeoutMs: number; readonly driven?: Promise<DriveEnd | undefined> | undefined },
): Promise<DriveEnd | undefined> {
  const deadlineMs = clock.nowMs() + timeoutMs;
  if (driven !== undefined) {
    // Whoever drives it knows the end first; nothing is asked in the usual case.
    const end = await within(clock, timeoutMs, driven);
    if (end !== undefined && !isTransient(end.status)) return end;
  }
  for (;;) {
    const order = await readIfPossible(shop, orderSn);
    const leftMs = deadlineMs - clock.nowMs();
    if (order === undefined || !isTransient(order.status) || leftMs <= 0) return order;
    await within(clock, Math.min(POLL_MS, leftMs));
  }
}

/** What is waited for has been accepted: that the database went away meanwhile is no refusal of it. */
async function readIfPossible(shop: ShopDatabase, orderSn: string): Promise<Order | undefined> {
  try {
    return await reading(() => readOrder(shop.client, orderSn));
  } catch (error) {
    if (error instanceof AppError && error.code === 'NOT_READY') return undefined;
    throw error;
  }
}

/** The result, or undefined when the time is over first. */
function within<T>(clock: Clock, ms: number, result?: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(undefined));
    result?.then(resolve, reject).finally(cancel);
  });
}
