import type { Clock } from '@coupon/service-kit';
import type { Deadline } from './stock-strategy';

/** Thrown inside a transaction to roll it back: what it has read is no longer so. */
export class ContendedError extends Error {
  constructor() {
    super('somebody else was faster');
    this.name = 'ContendedError';
  }
}

export interface PatienceDeps {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly sleep: (ms: number) => Promise<void>;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Pauses: the first is up to 4 ms, each may be twice the one before, none is longer than 50 ms. */
const FIRST_PAUSE_MS = 4;
const LONGEST_PAUSE_MS = 50;

/**
 * Waits before try number `tries` + 1; with full jitter, so that those who met do not meet again.
 * @returns false when the deadline comes first: nothing was waited for
 */
export async function pause(
  { clock, sleep, random }: PatienceDeps,
  tries: number,
  deadline: Deadline,
): Promise<boolean> {
  const ms = random() * Math.min(FIRST_PAUSE_MS * 2 ** Math.min(tries - 1, 10), LONGEST_PAUSE_MS);
  if (clock.nowMs() + ms >= deadline) return false;
  await sleep(ms);
  return true;
}

/** Repeats `transaction` for as long as it ends contended; `busy` when the deadline comes first. Other errors pass. */
export async function untilUncontended<T>(
  deps: PatienceDeps,
  deadline: Deadline,
  transaction: () => Promise<T>,
): Promise<{ readonly kind: 'done'; readonly value: T } | { readonly kind: 'busy' }> {
  for (let tries = 1; ; tries += 1) {
    try {
      return { kind: 'done', value: await transaction() };
    } catch (error) {
      if (!(error instanceof ContendedError)) throw error;
      if (!(await pause(deps, tries, deadline))) return { kind: 'busy' };
    }
  }
}
