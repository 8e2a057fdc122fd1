import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Where a sensor gets the event loop's delay from. */
export interface EventLoopDelaySource {
  /** Mean delay in milliseconds since the last call, 0 when nothing was measured. */
  readMs(): number;
  close(): void;
}

const RESOLUTION_MS = 10;

/** The histogram of node:perf_hooks: a timer every 10 ms; what it is late by is the delay. Costs nothing per request. */
export function eventLoopDelay(): EventLoopDelaySource {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let count = 0;
  let sum = 0;
  return {
    // Differences of the running totals: after a reset the histogram leaves out the next interval, and with it the very spike one looks for.
    readMs: () => {
      const total = histogram.count === 0 ? 0 : histogram.mean * histogram.count;
      const measured = histogram.count - count;
      const meanMs = measured === 0 ? 0 : (total - sum) / measured / 1e6;
      count = histogram.count;
      sum = total;
      // It records the whole time between two calls of its timer.
      return Math.max(0, meanMs - RESOLUTION_MS);
    },
    close: () => {
      histogram.disable();
    },
  };
}
