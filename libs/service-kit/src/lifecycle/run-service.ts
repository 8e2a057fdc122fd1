import { systemClock } from '../clock';
import type { Clock } from '../clock';
import type { Lifecycle } from './lifecycle';
import { withoutCredentials } from '../logging/describe-error';

/** The part of `process` that is needed here; tests bring their own. */
export interface ProcessLike extends Pick<NodeJS.EventEmitter, 'on' | 'removeListener'> {
  exit(code: number): void;
  readonly stderr: { write(text: string): unknown };
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * A signal so soon after the first is the same wish, delivered twice: a terminal, npm and timeout(1) signal the process and its group.
 */
const SAME_SIGNAL_MS = 100;

/** First SIGTERM or SIGINT: orderly end. Second: forced. The returned function removes the handlers. */
export function installSignalHandlers(
  lifecycle: Lifecycle,
  target: ProcessLike = process,
  clock: Clock = systemClock,
): () => void {
  let firstMs: number | undefined;
  const handlers = SIGNALS.map((signal) => {
    const handler = (): void => {
      if (firstMs === undefined) {
        firstMs = clock.nowMs();
        void lifecycle.stop(signal);
      } else if (clock.nowMs() - firstMs >= SAME_SIGNAL_MS) {
        lifecycle.force(`second ${signal}`);
      }
    };
    target.on(signal, handler);
    return () => target.removeListener(signal, handler);
  });
  return () => {
    handlers.forEach((remove) => remove());
  };
}

/**
 * The whole of a `main.ts`: builds the service, starts it, ends the process with it. Exit code 0 after an orderly end, 1 otherwise, with
 * the reason in one line on standard error. An exception that nobody caught ends the process at once, with its stack: its state is not
 * to be trusted, and every component is made to survive that.
 */
export async function runService(
  build: () => Promise<Lifecycle> | Lifecycle,
  target: ProcessLike = process,
  clock: Clock = systemClock,
): Promise<void> {
  const crash = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    target.stderr.write(`${withoutCredentials(text)}\n`);
    target.exit(1);
  };
  target.on('uncaughtException', crash);
  target.on('unhandledRejection', crash);
  try {
    const lifecycle = await build();
    const removeHandlers = installSignalHandlers(lifecycle, target, clock);
    await lifecycle.start();
    const last = await lifecycle.ended;
    removeHandlers();
    if (last === 'FAILED') target.stderr.write(`${oneLine(lifecycle.failure)}\n`);
    target.exit(last === 'STOPPED' ? 0 : 1);
  } catch (error) {
    target.stderr.write(`${oneLine(error)}\n`);
    target.exit(1);
  }
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return withoutCredentials(text).replace(/\s+/g, ' ').trim();
}
