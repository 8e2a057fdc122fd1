export interface BackoffOptions {
  /** @default 100 */
  readonly minDelayMs?: number;
  /** @default 5000 */
  readonly maxDelayMs?: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Delay before the n-th attempt (1-based): doubles up to the maximum, half of it random so that many clients do not come back at once. */
export function backoffDelayMs(attempt: number, options: BackoffOptions): number {
  const { minDelayMs = 100, maxDelayMs = 5_000, random } = options;
  const ceiling = Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(ceiling / 2 + (ceiling / 2) * random());
}
