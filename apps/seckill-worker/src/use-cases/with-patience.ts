import { backoffDelayMs } from '@coupon/messaging';
import { pause } from '@coupon/service-kit';
import type { Logger } from '@coupon/service-kit';

/** The work was given up: the deliveries are not ours any more, or the process ends. Nothing is lost, they come again. */
export class AbandonedError extends Error {
  constructor(options?: { cause?: unknown }) {
    super('abandoned', options);
    this.name = 'AbandonedError';
  }
}

export interface Patience {
  readonly logger: Logger;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Counts a repetition, for metrics. */
  readonly onRetry?: (step: string) => void;
}

/**
 * Repeats what failed through no fault of the message (a server that is away, a deadlock) for as long as it takes: an infrastructure fault
 * never spends a delivery and never sends a winner to the dead-letter queue (invariant 6).
 * @throws AbandonedError once the signal aborts.
 */
export async function withPatience<T>(step: string, patience: Patience, work: () => Promise<T>): Promise<T> {
  const { logger, random, signal } = patience;
  for (let attempt = 1; ; attempt += 1) {
    if (signal.aborted) throw new AbandonedError();
    try {
      return await work();
    } catch (error) {
      if (error instanceof AbandonedError) throw error;
      const delayMs = backoffDelayMs(attempt, { minDelayMs: 20, maxDelayMs: 2_000, random });
      patience.onRetry?.(step);
      // A deadlock or two is normal traffic; from the third time on somebody may want to know.
      const level = attempt < 3 ? 'info' : 'warn';
      logger[level]({ err: error, step, attempt, delay_ms: delayMs }, 'failed, will be repeated');
      await pause(delayMs, signal);
    }
  }
}
