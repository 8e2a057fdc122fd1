import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainDisk, explainNpmFailure } from './explain.mjs';
import { Refusal } from './refusal.mjs';

const STAMP = '.coupon-lock-sha256';
const WANTED_NODE = 24;
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean }} LockEntry
 * @typedef {{ packages: Record<string, LockEntry> }} Lock
 */

/**
 * True when what npm recorded about node_modules is what the lock file asks for. Optional packages may be absent (other platforms).
 * @param {Lock} wanted package-lock.json
 * @param {Lock} installed node_modules/.package-lock.json
 */
export function isInstalled(wanted, installed) {
  const same = (/** @type {LockEntry} */ a, /** @type {LockEntry} */ b) =>
    a.version === b.version && (!a.integrity || !b.integrity || a.integrity === b.integrity);
  const places = Object.keys(wanted.packages).filter((place) => place !== '');
  return (
    Object.keys(installed.packages).every((place) => wanted.packages[place] !== undefined) &&
    places.every((place) => {
      const want = wanted.packages[place] ?? {};
      const have = installed.packages[place];
      return have ? same(want, have) : want.optional === true;
    })
  );
}

/**
 * Makes node_modules what package-lock.json says and returns the program that runs everything else, the Node of the packages.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} say
 */
export async function ensurePackages(root, env, say) {
  const lockText = readFileSync(join(root, 'package-lock.json'));
  const hash = createHash('sha256').update(lockText).digest('hex');
  const stamp = join(root, 'node_modules', STAMP);
  if (readIfThere(stamp) !== hash) {
    const record = readIfThere(join(root, 'node_modules', '.package-lock.json'));
    if (!record || !isInstalled(JSON.parse(lockText.toString()), JSON.parse(record))) await install(root, env, say);
    writeFileSync(stamp, hash);
  }
  return findNode(root, env);
}

/** @param {string} file */
function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} say
 */
async function install(root, env, say) {
  const disk = statfsSync(root);
  const tooLittle = explainDisk(disk.bavail * disk.bsize, true);
  if (tooLittle) throw new Refusal(tooLittle);
  say('packages  npm ci, once for this package-lock.json (a minute or so)');
  const started = performance.now();
  const { code, output } = await run(
    npmCommand(env),
    ['ci', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'],
    root,
    env,
  );
  if (code !== 0) {
    const explanation = explainNpmFailure(output);
    const detail = explanation.endsWith(':') ? `\n${output.trim().split('\n').slice(-15).join('\n')}` : '';
    throw new Refusal(`${explanation}${detail}`);
  }
  say(`packages  installed in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

/**
 * npm as it runs this script, else the one on PATH.
 * @param {NodeJS.ProcessEnv} env
 * @returns {readonly string[]}
 */
function npmCommand(env) {
  const running = env['npm_execpath'];
  return running && /npm-cli\.c?js$/.test(running) ? [process.execPath, running] : ['npm'];
}

/**
 * Runs a command to its end. It never outlives this process: two of them at once would spoil node_modules.
 * @param {readonly string[]} command
 * @param {readonly string[]} args
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ code: number | null, output: string }>}
 */
function run([program = 'npm', ...first], args, cwd, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...first, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    const endChild = () => child.kill('SIGTERM');
    /** @type {NodeJS.Signals | undefined} */
    let stoppedBy;
    /** @type {(signal: NodeJS.Signals) => void} */
    const onSignal = (signal) => {
      stoppedBy = signal;
      endChild();
    };
    process.once('exit', endChild);
    for (const signal of SIGNALS) process.once(signal, onSignal);
    const forget = () => {
      process.removeListener('exit', endChild);
      for (const signal of SIGNALS) process.removeListener(signal, onSignal);
    };
    child.once('error', (error) => {
      forget();
      reject(
        'code' in error && error.code === 'ENOENT' ? new Refusal('npm is not installed; it comes with Node.') : error,
      );
    });
    child.once('close', (code) => {
      forget();
      if (stoppedBy) reject(new Refusal(`stopped by ${stoppedBy}`));
      else resolve({ code, output });
    });
  });
}

/**
 * The Node that the packages bring. npm may have been told not to run install scripts, which is how it gets there: then it is fetched now.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
function findNode(root, env) {
  const program = join(root, 'node_modules', 'node', 'bin', 'node');
  if (majorOf(program) >= WANTED_NODE) return program;
  spawnSync(process.execPath, ['installArchSpecificPackage.js'], {
    cwd: join(root, 'node_modules', 'node'),
    env,
    stdio: 'ignore',
  });
  if (majorOf(program) >= WANTED_NODE) return program;
  if (Number(process.versions.node.split('.')[0]) >= WANTED_NODE) return process.execPath;
  throw new Refusal(
    `Node ${WANTED_NODE} is needed and could not be installed for this system from the npm registry. Install it and run the command with it.`,
  );
}

/** @param {string} program */
function majorOf(program) {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)\./.exec(stdout ?? '')?.[1] ?? 0);
}
