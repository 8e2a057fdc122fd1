/** Waits `ms` milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Calls `attempt` until it resolves, every `intervalMs`. After `timeoutMs`, or when `giveUp` returns an error, rejects with what is known
 * by then.
 */
export async function pollUntil<T>(
  attempt: () => Promise<T>,
  options: { timeoutMs: number; intervalMs: number; what: string; giveUp?: () => Error | undefined },
): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    const over = options.giveUp?.();
    if (over) throw over;
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() >= deadline) {
        const last = error instanceof Error ? error.message : String(error);
        throw new Error(`${options.what} did not answer within ${options.timeoutMs} ms: ${last}`, { cause: error });
      }
      await pause(options.intervalMs);
    }
  }
}
