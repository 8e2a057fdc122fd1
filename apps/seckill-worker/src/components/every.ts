import { pause } from '@coupon/service-kit';
import type { Component, Logger } from '@coupon/service-kit';

/** A component that does the same thing again and again, with a pause between the end of one and the start of the next. */
export function every(
  name: string,
  intervalMs: number,
  logger: Logger,
  work: (stopped: () => boolean) => Promise<void>,
): Component {
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await work(() => stopping.signal.aborted);
      } catch (error) {
        logger.warn({ err: error, component: name }, 'failed, next try at the next interval');
      }
      await pause(intervalMs, stopping.signal);
    }
  };
  return {
    name,
    start: () => {
      loop = run();
    },
    stopIntake: () => stopping.abort(),
    drain: async () => loop,
    close: () => stopping.abort(),
  };
}
