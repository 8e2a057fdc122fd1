import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Refusal } from './refusal.mjs';

const WAIT_MS = 600_000;
const INTERVAL_MS = 200;

/**
 * Runs `work` while holding the lock file, so that two commands of one clone never install at the same time. The lock of a process that
 * is gone is taken over.
 * @template T
 * @param {string} file
 * @param {(line: string) => void} say
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, say, work) {
  mkdirSync(dirname(file), { recursive: true });
  const deadline = performance.now() + WAIT_MS;
  let told = false;
  while (!take(file)) {
    if (performance.now() > deadline)
      throw new Refusal(`Another command has been installing for ten minutes; if it is not, remove ${file}.`);
    if (!told) say('packages  waiting for another command of this clone');
    told = true;
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** @param {string} file */
function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (holderIsGone(file)) rmSync(file, { force: true });
    return false;
  }
}

/** @param {string} file */
function holderIsGone(file) {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return false;
  } catch (error) {
    // ENOENT: released just now. An empty file is being written: its number is 0, our own group, which lives.
    return codeOf(error) === 'ESRCH';
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code;
}
