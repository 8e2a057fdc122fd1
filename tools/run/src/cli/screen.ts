/** Where progress goes. On a terminal the live line is rewritten in place; elsewhere it becomes a line now and then. */
export interface Screen {
  readonly line: (text: string) => void;
  /** Shows the state of something that is under way; may be called often. */
  readonly live: (text: () => string) => void;
}

export interface ScreenOptions {
  readonly isTerminal: boolean;
  readonly columns?: number | undefined;
  readonly write: (text: string) => void;
  readonly nowMs: () => number;
}

const TERMINAL_INTERVAL_MS = 100;
const SPARSE_INTERVAL_MS = 2_000;
const CLEAR_LINE = '\r\u001b[2K';

export function createScreen(options: ScreenOptions): Screen {
  const intervalMs = options.isTerminal ? TERMINAL_INTERVAL_MS : SPARSE_INTERVAL_MS;
  let lastLiveMs = -Infinity;
  let liveShown = false;
  return {
    line: (text) => {
      options.write(`${liveShown ? CLEAR_LINE : ''}${text}\n`);
      liveShown = false;
    },
    live: (text) => {
      const now = options.nowMs();
      if (now - lastLiveMs < intervalMs) return;
      lastLiveMs = now;
      if (!options.isTerminal) return options.write(`${text()}\n`);
      // A line that wraps cannot be rewritten in place.
      options.write(`${CLEAR_LINE}${text().slice(0, (options.columns ?? 100) - 1)}`);
      liveShown = true;
    },
  };
}

export function standardScreen(): Screen {
  return createScreen({
    isTerminal: process.stdout.isTTY,
    columns: process.stdout.columns,
    write: (text) => process.stdout.write(text),
    nowMs: () => performance.now(),
  });
}

/** `label` in the column that all commands use. */
export function labelled(label: string, text: string): string {
  return `${label.padEnd(9)} ${text}`;
}
