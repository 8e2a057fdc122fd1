'use strict';
/**
 * Owns the processes of one run: spawns them on request and, when the requesting process is gone for any reason (its end of the pipe
 * closes: normal end, Ctrl-C, crash, kill -9), ends them, runs the clean-up commands, removes the run directory and ends itself.
 * Plain JavaScript with Node's own modules only, so that it starts in milliseconds and without a compiler.
 *
 * argv: run directory. stdin: one JSON request a line; stdout: one JSON reply or event a line.
 */
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

const [runDirectory, mark] = process.argv.slice(2);
const KILL_WAIT_MS = 10_000;
const CLEANUP_WAIT_MS = 30_000;

/** @type {Map<string, { pid: number, graceMs: number, exited: Promise<void> }>} */
const running = new Map();
const cleanups = [];
let detached = false;
let ending;

function send(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function spawnProcess({ name, command, args, env, cwd, logFile, stdinFile, graceMs }) {
  if (ending) throw new Error('the run is ending');
  if (running.has(name)) throw new Error(`${name} is already running`);
  const log = fs.openSync(logFile, 'a');
  const stdin = stdinFile ? fs.openSync(stdinFile, 'r') : 'ignore';
  try {
    // A group of its own: a terminal's Ctrl-C does not reach it, and a signal reaches its children too.
    const child = spawn(command, args, {
      cwd,
      env: { ...env, [mark]: runDirectory },
      detached: true,
      stdio: [stdin, log, log],
    });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('spawn', () => {
        const exited = new Promise((done) => {
          child.once('exit', (code, signal) => {
            running.delete(name);
            send({ event: 'exit', name, pid: child.pid, code, signal });
            done();
          });
        });
        running.set(name, { pid: child.pid, graceMs: graceMs ?? 0, exited });
        resolve({ pid: child.pid });
      });
    });
  } finally {
    fs.closeSync(log);
    if (typeof stdin === 'number') fs.closeSync(stdin);
  }
}

function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function within(ms, promise) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void promise.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Processes that left their group (a daemon, a helper with its own session) still carry the mark in their environment. */
function killMarked() {
  if (!fs.existsSync('/proc/self/environ')) return;
  const needle = `${mark}=${runDirectory}\0`;
  for (const entry of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    try {
      if (`${fs.readFileSync(`/proc/${entry}/environ`, 'latin1')}\0`.includes(needle))
        process.kill(Number(entry), 'SIGKILL');
    } catch {
      // It ended in between, or belongs to somebody else: not ours to end.
    }
  }
}

async function endAll() {
  const graceful = [...running.values()].filter((one) => one.graceMs > 0);
  for (const one of graceful) signalGroup(one.pid, 'SIGTERM');
  await Promise.all(graceful.map((one) => within(one.graceMs, one.exited)));
  const rest = [...running.values()];
  for (const one of rest) signalGroup(one.pid, 'SIGKILL');
  await within(KILL_WAIT_MS, Promise.all(rest.map((one) => one.exited)));
  killMarked();
  for (const { command, args, env } of cleanups)
    spawnSync(command, args, { env, timeout: CLEANUP_WAIT_MS, stdio: 'ignore' });
  process.chdir('/');
  fs.rmSync(runDirectory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  try {
    fs.rmdirSync(path.dirname(runDirectory));
  } catch {
    // Other runs share the parent directory: it goes with the last of them.
  }
}

function end() {
  ending ??= endAll().then(
    () => process.exit(0),
    () => process.exit(1),
  );
  return ending;
}

const operations = {
  spawn: spawnProcess,
  signal({ name, signal }) {
    const target = running.get(name);
    if (target) signalGroup(target.pid, signal);
    return { found: target !== undefined };
  },
  async end_process({ name, signal }) {
    const target = running.get(name);
    if (!target) return {};
    signalGroup(target.pid, signal);
    await target.exited;
    return {};
  },
  cleanup(request) {
    cleanups.push(request);
    return {};
  },
  detach() {
    detached = true;
    return { pid: process.pid };
  },
  end,
};

process.stdout.on('error', () => undefined); // the requester is gone; stdin tells us so
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => void end());

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { id, op, ...request } = JSON.parse(line);
  Promise.resolve()
    .then(() => operations[op](request))
    .then(
      (result) => send({ id, result }),
      (error) => send({ id, error: error.message }),
    );
});
lines.on('close', () => {
  if (!detached) void end();
});
// A detached run has no pipe any more that would keep the event loop alive until its processes end.
setInterval(() => undefined, 60_000);
send({ event: 'ready', pid: process.pid });
