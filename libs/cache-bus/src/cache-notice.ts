import type { SentHeartbeat, SharedTierProgress } from '@coupon/cache';
import { z } from 'zod';

/*
 * What goes over the exchange `coupon.cache`, one or the other:
 *
 * {"l2_reached":[{"source":"…","beat":…,"settled":…}]}: L2 was told of everything that was announced before the heartbeat `beat` of each source,
 * and told again of what was announced before `settled` when it could be read from the origin.
 * {"sent":{"source":"…","beat":…}}: a heartbeat sets out. It comes by way of the binlog, too; this word says how fast it might have been.
 */

const schema = z.union([
  z.object({ l2_reached: z.array(z.object({ source: z.string(), beat: z.int(), settled: z.int() })) }),
  z.object({ sent: z.object({ source: z.string(), beat: z.int() }) }),
]);

export type CacheNotice =
  | { readonly kind: 'l2-reached'; readonly progress: readonly SharedTierProgress[] }
  | { readonly kind: 'sent'; readonly heartbeat: SentHeartbeat };

export function encodeNotice(notice: CacheNotice): string {
  if (notice.kind === 'sent') {
    const { source, sentMs } = notice.heartbeat;
    return JSON.stringify({ sent: { source, beat: sentMs } });
  }
  return JSON.stringify({
    l2_reached: notice.progress.map(({ source, sentMs, settledMs }) => ({ source, beat: sentMs, settled: settledMs })),
  });
}

/** Nothing for what is no notice: without them the caches are bypassed, which is safe. */
export function readNotice(body: Buffer): CacheNotice | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return undefined;
  }
  const { data } = schema.safeParse(value);
  if (data === undefined) return undefined;
  if ('sent' in data) return { kind: 'sent', heartbeat: { source: data.sent.source, sentMs: data.sent.beat } };
  const progress = data.l2_reached.map(({ source, beat, settled }) => ({ source, sentMs: beat, settledMs: settled }));
  return { kind: 'l2-reached', progress };
}
