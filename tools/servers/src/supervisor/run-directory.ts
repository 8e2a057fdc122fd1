import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Name of the environment variable that every process of a run carries; its value is the run directory. */
export const RUN_MARK = 'COUPON_RUN_DIRECTORY';
const OWNER_FILE = 'owner.pid';

/** Creates `<parent>/<purpose>-<pid>[-n]`, after removing what runs left whose processes are all gone. */
export function createRunDirectory(parent: string, purpose: string): string {
  removeAbandonedRuns(parent);
  for (let attempt = 1; attempt <= 1000; attempt++) {
    const directory = join(parent, `${purpose}-${process.pid}${attempt === 1 ? '' : `-${attempt}`}`);
    mkdirSync(parent, { recursive: true });
    try {
      mkdirSync(directory);
    } catch (error) {
      if (isCode(error, 'EEXIST') || isCode(error, 'ENOENT')) continue; // taken, or the last run just removed the parent
      throw error;
    }
    writeFileSync(join(directory, OWNER_FILE), String(process.pid));
    return directory;
  }
  throw new Error(`no free run directory under ${parent}`);
}

/** Ends the processes that carry the mark of this run. Where /proc does not exist there is nothing to find them by. */
export function endStrayProcesses(directory: string): void {
  for (const pid of markedProcesses(directory)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!isCode(error, 'ESRCH')) throw error;
    }
  }
}

export function removeRunDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  try {
    rmdirSync(dirname(directory));
  } catch (error) {
    if (!isCode(error, 'ENOTEMPTY') && !isCode(error, 'ENOENT') && !isCode(error, 'EEXIST')) throw error;
  }
}

/** A machine that lost its power, or a kill of parent and watchdog in one go, leaves a directory whose owner is gone. */
function removeAbandonedRuns(parent: string): void {
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const directory = join(parent, name);
    const owner = ownerOf(directory);
    if (owner === undefined || isAlive(owner) || watchdogOf(directory) !== undefined) continue;
    endStrayProcesses(directory);
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

function ownerOf(directory: string): number | undefined {
  try {
    return Number(readFileSync(join(directory, OWNER_FILE), 'utf8')) || undefined;
  } catch {
    return undefined; // not a run directory, or one that is being created or removed right now
  }
}

/** A watchdog that is still at work, detached or cleaning up, is known by its command line. */
function watchdogOf(directory: string): number | undefined {
  return processes().find((pid) => {
    const commandLine = readProc(pid, 'cmdline').split('\0');
    return commandLine[1]?.endsWith('watchdog.js') === true && commandLine[2] === directory;
  });
}

function markedProcesses(directory: string): number[] {
  const needle = `${RUN_MARK}=${directory}`;
  return processes().filter((pid) => readProc(pid, 'environ').split('\0').includes(needle));
}

function processes(): number[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return ''; // ended in between, or somebody else's
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

function isCode(error: unknown, code: string): boolean {
  // Not instanceof: under Jest, Node's own errors come from another realm.
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
