/**
 * Makes the clone runnable (packages, Node, generated code) and then hands over to the command's TypeScript entry. Uses nothing but the
 * system's Node and npm; writes nothing outside the clone except npm's own cache.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCommand } from './commands.mjs';
import { childEnvironment } from './environment.mjs';
import { ensureGenerated } from './generated.mjs';
import { withLock } from './lock.mjs';
import { ensurePackages } from './packages.mjs';
import { Refusal } from './refusal.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const PARENT_CHECK_MS = 500;
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** @param {string} line */
const say = (line) => void process.stdout.write(`${line}\n`);

/** @param {readonly string[]} args */
export async function main([name, ...rest]) {
  try {
    const command = findCommand(root, name);
    if ('usage' in command) throw new Refusal(command.usage);
    const env = childEnvironment(root, process.env);
    mkdirSync(/** @type {string} */ (env['TMPDIR']), { recursive: true });
    const node = await withLock(join(root, '.run', 'tmp', 'bootstrap.lock'), say, async () => {
      const program = await ensurePackages(root, env, say);
      ensureGenerated(root, program, env, say);
      return program;
    });
    process.exitCode = await handOver(node, command.entry, rest, env);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

/**
 * Runs the entry to its end. Signals are passed on; the channel tells the entry when this process is gone, however it ended.
 * @param {string} node
 * @param {string} entry
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} its exit code, 128 + n when signal n ended it
 */
function handOver(node, entry, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, ['--import', 'tsx', entry, ...args], {
      cwd: root,
      env,
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
    if (env['npm_lifecycle_event']) whenOrphaned(() => child.kill('SIGTERM'));
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/**
 * npm passes a signal on to a shell that dies of it without passing it on further: the end of that shell is the signal then.
 * @param {() => void} stop
 */
function whenOrphaned(stop) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop();
  }, PARENT_CHECK_MS);
  timer.unref();
}
