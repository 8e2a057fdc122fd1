export interface EventuallyOptions {
  /** @default 5000 */
  readonly timeoutMs?: number;
  /** @default 20 */
  readonly intervalMs?: number;
}

/**
 * Calls `check` until it neither throws, rejects nor returns false, and resolves with its value. At the deadline rejects with the last error,
 * so that a failed expectation inside `check` is what the report shows.
 */
export async function eventually<T>(check: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { timeoutMs = 5000, intervalMs = 20 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      const value = await check();
      if (value !== false) return value;
      if (performance.now() >= deadline) throw new Error(`the condition did not hold within ${timeoutMs} ms`);
    } catch (error) {
      if (performance.now() >= deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
