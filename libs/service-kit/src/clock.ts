/** Time as a dependency, so that tests own it. */
export interface Clock {
  /** Epoch milliseconds. */
  nowMs(): number;
  /** Runs `callback` once after `delayMs`; the returned function cancels it. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = Object.freeze({
  nowMs: () => Date.now(),
  after: (delayMs: number, callback: () => void) => {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
});
