import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pollUntil } from '@coupon/servers';
import { UserError } from '../cli/user-error';
import { readEndpoints } from '../platform/endpoints';
import { ENDPOINTS_FILE, RUN_FOLDER } from '../platform/layout';

/** The first start downloads servers. */
const START_TIMEOUT_MS = 600_000;

/** Runs the same command without a terminal and returns when everything is up. What it prints goes to `.run/dev.log` and, until then, here. */
export async function detach(args: readonly string[], signal: AbortSignal): Promise<number> {
  const logFile = join(RUN_FOLDER, 'dev.log');
  const log = openSync(logFile, 'w');
  const child = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'main.ts'), ...args], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  let ended = false;
  child.once('exit', () => (ended = true));
  signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  let shown = 0;
  const echo = (): void => {
    const text = readFileSync(logFile, 'utf8');
    process.stdout.write(text.slice(shown));
    shown = text.length;
  };
  await pollUntil(
    () => {
      echo();
      const up = readEndpoints(ENDPOINTS_FILE)?.pids['owner'] === child.pid;
      return up ? Promise.resolve() : Promise.reject(new Error('not up yet'));
    },
    {
      timeoutMs: START_TIMEOUT_MS,
      intervalMs: 100,
      what: 'npm run dev',
      giveUp: () => (ended ? new UserError(`npm run dev ended while starting; see ${logFile}`) : undefined),
    },
  );
  child.unref();
  process.stdout.write(`${labelledLog(logFile)}\nnpm run stop ends it.\n`);
  return 0;
}

function labelledLog(file: string): string {
  return `console   ${file}`;
}
