import { Ledger, letCrowdClick } from '@coupon/demo';
import type { Buyer, PurchaseClient } from '@coupon/demo';
import type { SeededRandom } from '@coupon/testing';

export interface StormOptions {
  readonly client: PurchaseClient;
  readonly activityId: string;
  readonly buyers: readonly Buyer[];
  /** The buyers' first clicks are spread evenly over this time, so that faults meet a sale that is going on. */
  readonly durationMs: number;
  readonly signal: AbortSignal;
}

/** Buyers at work at the same time; each waits for its answer. */
const CONCURRENCY = 64;

/** A sale at an even pace; resolves with what the buyers heard when everybody has a final answer. */
export async function storm(options: StormOptions): Promise<Ledger> {
  const { client, buyers, durationMs } = options;
  const ledger = new Ledger();
  const startedMs = performance.now();
  const clicks = buyers.reduce((sum, buyer) => sum + buyer.together.length + buyer.then.length, 0);
  let sent = 0;
  await letCrowdClick(buyers, {
    activityId: options.activityId,
    ledger,
    concurrency: CONCURRENCY,
    purchase: async (id, click) => {
      const dueMs = startedMs + Math.min(1, (sent += 1) / clicks) * durationMs;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      return client.purchase(id, click);
    },
    sleep,
    signal: options.signal,
  });
  return ledger;
}

/** Buyers at limit `limit`: each clicks once to three times, one click with a quantity of its own, every click with a key. */
export function planBuyers(count: number, limit: number, random: SeededRandom): Buyer[] {
  return Array.from({ length: count }, (_, index) => {
    const userId = String(5_000_000 + index);
    const together = Array.from({ length: random.int(1, 3) }, (__, n) => ({
      userId,
      quantity: random.int(1, limit),
      key: `storm-${userId}-${n + 1}`,
    }));
    // A second press of the same button, with the same key.
    const then = random.next() < 0.2 ? together.slice(0, 1) : [];
    return { userId, together, then };
  });
}

export interface Fault {
  readonly name: string;
  readonly strike: () => Promise<void> | void;
}

/** Strikes `times` times at random moments within `durationMs`, a random fault each time. @returns the names in order. */
export async function strikeAtRandom(
  faults: readonly Fault[],
  options: { times: number; durationMs: number; random: SeededRandom; signal: AbortSignal },
): Promise<string[]> {
  const { times, durationMs, random, signal } = options;
  const moments = Array.from({ length: times }, () => random.next() * durationMs).sort((a, b) => a - b);
  const startedMs = performance.now();
  const struck: string[] = [];
  for (const moment of moments) {
    const waitMs = startedMs + moment - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    if (signal.aborted) break;
    const fault = random.pick(faults);
    await fault.strike();
    struck.push(fault.name);
  }
  return struck;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
