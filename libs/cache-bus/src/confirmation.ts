import type { Heartbeat } from '@coupon/cache';
import { z } from 'zod';

/*
 * What goes over the exchange `coupon.cache`: {"l2_reached":[{"source":"…","beat":…}]}. L2 holds nothing any more that was changed before the
 * last heartbeat of each source.
 */

const schema = z.object({
  l2_reached: z.array(z.object({ source: z.string(), beat: z.int() })),
});

export function confirmationOf(beats: Iterable<Heartbeat>): string {
  return JSON.stringify({ l2_reached: [...beats].map(({ source, sentMs }) => ({ source, beat: sentMs })) });
}

/** Nothing for what is no confirmation: without one the caches are bypassed, which is safe. */
export function readConfirmation(body: Buffer): Heartbeat[] {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return [];
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data.l2_reached.map(({ source, beat }) => ({ source, sentMs: beat })) : [];
}
