import { constants } from 'node:os';
import { ServerUnavailableError } from '@coupon/servers';
import { UserError } from './user-error';

export interface CommandContext {
  readonly args: readonly string[];
  /** Aborted by the first signal, or when the process that started this one is gone. */
  readonly signal: AbortSignal;
  /** Run at the end of the command, however it ends, the last one first. */
  readonly defer: (cleanUp: () => Promise<void> | void) => void;
}

export interface RunCommandOptions {
  /** True for a command that goes on until it is told to stop: a signal is then its normal end, exit code 0. @default false */
  readonly endsBySignal?: boolean;
}

/** Why a command was told to stop. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor(
    readonly exitCode: number,
    cause: string,
  ) {
    super(`stopped by ${cause}`);
  }
}

/** npm, the terminal and the bootstrap each pass the same signal on: what follows within this time is the same wish. */
const SAME_WISH_MS = 2_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * The frame of a command: orderly end on the first signal, at once on the next; clean-ups always run; expected failures are one sentence
 * on standard error. Never returns: the process exits with the command's code, 1 after a failure, 128 + n after signal n.
 */
export async function runCommand(
  command: (context: CommandContext) => Promise<number>,
  options: RunCommandOptions = {},
): Promise<never> {
  const interrupt = interruption();
  // Without anything under way Node would end here, code 0, in the middle of the command and without its clean-ups.
  setInterval(() => undefined, 60_000);
  const cleanUps: (() => Promise<void> | void)[] = [];
  const context: CommandContext = {
    args: process.argv.slice(2),
    signal: interrupt.signal,
    defer: (cleanUp) => cleanUps.push(cleanUp),
  };
  let code: number;
  try {
    code = await Promise.race([command(context), interrupt.happened]);
  } catch (error) {
    code = report(error);
    if (error instanceof Interrupted && options.endsBySignal) code = 0;
  }
  for (const cleanUp of cleanUps.reverse()) {
    try {
      await cleanUp();
    } catch (error) {
      code = Math.max(report(error), code);
    }
  }
  process.exit(code);
}

function interruption(): { signal: AbortSignal; happened: Promise<never> } {
  const controller = new AbortController();
  let first = 0;
  let fail: (reason: Interrupted) => void;
  const happened = new Promise<never>((_, reject) => (fail = reject));
  happened.catch(() => undefined); // a signal during the clean-up has nobody left to tell
  const stop = (exitCode: number, cause: string): void => {
    if (first === 0) {
      first = performance.now();
      const reason = new Interrupted(exitCode, cause);
      controller.abort(reason);
      fail(reason);
    } else if (performance.now() - first > SAME_WISH_MS) {
      process.exit(exitCode); // the watchdogs of the servers and apps clean up
    }
  };
  for (const name of SIGNALS) process.on(name, () => stop(128 + constants.signals[name], name));
  process.on('disconnect', () => stop(129, 'the end of the process that started it'));
  process.channel?.unref();
  return { signal: controller.signal, happened };
}

function report(error: unknown): number {
  if (error instanceof Interrupted) {
    process.stderr.write(`\n${error.message}; cleaning up\n`);
    return error.exitCode;
  }
  const expected = error instanceof UserError || error instanceof ServerUnavailableError;
  const text = expected ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${text}\n`);
  return 1;
}
