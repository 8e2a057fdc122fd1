import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { pollUntil } from '../poll';

const WAIT_MS = 1_800_000;
const LOOK_MS = 250;

/** Runs `work` while this process holds the file. A file whose process is gone is taken over. */
export async function withLockFile<T>(file: string, work: () => Promise<T>): Promise<T> {
  await pollUntil(async () => take(file), { timeoutMs: WAIT_MS, intervalMs: LOOK_MS, what: `the lock ${file}` });
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: string): void {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
  } catch (error) {
    const holder = readHolder(file);
    if (holder !== undefined && !isAlive(holder)) rmSync(file, { force: true });
    throw error;
  }
}

/** Undefined while the holder is between creating the file and writing its number, or has just removed it. */
function readHolder(file: string): number | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    return text === '' ? undefined : Number(text);
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
