import type { SharedTierProgress } from '@coupon/cache';
import { z } from 'zod';

/*
 * What goes over the exchange `coupon.cache`: {"l2_reached":[{"source":"…","beat":…,"settled":…}]}. L2 was told of everything that was announced
 * before the heartbeat `beat` of each source, and told again of what was announced before `settled` when it could be read from the origin.
 */

const schema = z.object({
  l2_reached: z.array(z.object({ source: z.string(), beat: z.int(), settled: z.int() })),
});

export function confirmationOf(progress: Iterable<SharedTierProgress>): string {
  return JSON.stringify({
    l2_reached: [...progress].map(({ source, sentMs, settledMs }) => ({ source, beat: sentMs, settled: settledMs })),
  });
}

/** Nothing for what is no confirmation: without one the caches are bypassed, which is safe. */
export function readConfirmation(body: Buffer): SharedTierProgress[] {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return [];
  }
  const parsed = schema.safeParse(value);
  return parsed.success
    ? parsed.data.l2_reached.map(({ source, beat, settled }) => ({ source, sentMs: beat, settledMs: settled }))
    : [];
}
