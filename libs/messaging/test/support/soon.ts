import { eventually } from '@coupon/testing';

/** Until the condition holds: brokers on a busy machine take their time. */
export async function soon(check: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(check, { timeoutMs: 15_000 });
}
