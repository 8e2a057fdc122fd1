import { spawn } from 'node:child_process';
import type { Check } from './checks';

export interface CheckOutcome {
  readonly name: string;
  readonly ok: boolean;
  readonly durationMs: number;
  readonly output: string;
  /** What to type to see it. */
  readonly command: string;
}

/** Lines of a failed check that are shown. */
const SHOWN_LINES = 60;

export async function runCheck(check: Check, root: string, signal: AbortSignal): Promise<CheckOutcome> {
  const started = performance.now();
  const [program, ...args] = check.command;
  const { code, output } = await collect(
    program === 'node' ? process.execPath : program,
    args,
    check.timeoutMs,
    root,
    signal,
  );
  return {
    name: check.name,
    ok: code === 0,
    durationMs: performance.now() - started,
    output,
    command: check.command.join(' '),
  };
}

function collect(
  program: string,
  args: readonly string[],
  timeoutMs: number,
  cwd: string,
  signal: AbortSignal,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGTERM',
      signal,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.once('error', reject);
    child.once('close', (code, killedBy) => {
      if (killedBy !== null) output += `\nended by ${killedBy} (limit ${Math.round(timeoutMs / 1000)} s)\n`;
      resolve({ code, output });
    });
  });
}

/** One line for a check that holds; for one that does not, also the end of its output and how to run it. */
export function describeOutcome(outcome: CheckOutcome): string[] {
  const line = `${outcome.ok ? 'ok  ' : 'FAIL'}  ${outcome.name.padEnd(28)} ${(outcome.durationMs / 1000).toFixed(1).padStart(6)} s`;
  if (outcome.ok) return [line];
  const end = outcome.output.trimEnd().split('\n').slice(-SHOWN_LINES);
  return [line, ...end.map((text) => `      ${text}`), `      to see it: npx ${outcome.command}`];
}
