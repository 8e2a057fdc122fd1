import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../cli/user-error';
import { REPOSITORY, bundleOf } from './layout';
import type { AppName } from './layout';

export interface BuildResult {
  /** True when nothing had to be built: all of it came out of nx's cache. */
  readonly fromCache: boolean;
  readonly durationMs: number;
}

/** Lines of a failed build that are shown; all of them are in the log file. */
const SHOWN_LINES = 40;

/** Builds the bundles with nx, which does nothing for what has not changed. Rejects with the end of nx's output when one fails. */
export async function buildApps(apps: readonly AppName[], logFile: string, signal: AbortSignal): Promise<BuildResult> {
  const started = performance.now();
  const { code, output } = await runNx(
    ['run-many', '-t', 'build', '-p', ...apps, '--output-style=static'],
    logFile,
    signal,
  );
  if (code !== 0) {
    const end = output.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
    throw new UserError(`The build failed (all of it: ${logFile}):\n${end}`);
  }
  const missing = apps.filter((app) => !existsSync(bundleOf(app)));
  if (missing.length > 0) throw new UserError(`The build left no bundle of ${missing.join(', ')}; see ${logFile}.`);
  const [, cached, all] =
    /from the cache instead of running the command for (\d+) out of (\d+) tasks/.exec(output) ?? [];
  return { fromCache: all !== undefined && cached === all, durationMs: performance.now() - started };
}

function runNx(
  args: readonly string[],
  logFile: string,
  signal: AbortSignal,
): Promise<{ code: number | null; output: string }> {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = createWriteStream(logFile);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(REPOSITORY, 'node_modules', '.bin', 'nx'), ...args], {
      cwd: REPOSITORY,
      env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        log.write(text);
      });
    }
    child.once('error', reject);
    child.once('close', (code) => log.end(() => resolve({ code, output })));
  });
}
