/** Time as a dependency. `nowMs` is monotonic: its zero means nothing. */
export interface CacheClock {
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  /** Runs `callback` once after `ms` unless the returned function is called. */
  after(ms: number, callback: () => void): () => void;
}

export const systemCacheClock: CacheClock = Object.freeze({
  nowMs: () => performance.now(),
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  after: (ms: number, callback: () => void) => {
    const timer = setTimeout(callback, ms);
    return () => {
      clearTimeout(timer);
    };
  },
});
