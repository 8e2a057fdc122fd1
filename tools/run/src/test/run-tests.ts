import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RUN_FOLDER } from '../platform/layout';
import { findSpecs, testProjects } from './spec-files';
import { NOTHING, add, tallyOf } from './tally';
import type { JestResult, Tally } from './tally';

export interface RunTestsOptions {
  readonly root: string;
  readonly kinds: readonly ('unit' | 'integration')[];
  /** Parts of paths; files that contain one of them are run. None means all. */
  readonly words: readonly string[];
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Far above what all tests need; a run that hangs must end. */
const RUN_TIMEOUT_MS = 45 * 60_000;
/** The result is written after the last clean-up. */
const GRACE_AFTER_RESULT_MS = 10_000;
const LOOK_INTERVAL_MS = 500;

/** Unit specs side by side, then integration specs one after the other: they measure, kill and need the processors for themselves. */
export async function runTests(options: RunTestsOptions): Promise<Tally> {
  const projects = testProjects(options.root);
  const specs = findSpecs(options.root, projects, options.words);
  let tally = NOTHING;
  for (const kind of options.kinds) {
    const files = specs[kind];
    if (files.length === 0) continue;
    options.log(`tests     ${files.length} ${kind} spec files`);
    tally = add(tally, await runJest(kind, files, projects, options));
  }
  const chosen = options.kinds.reduce((sum, kind) => sum + specs[kind].length, 0);
  return chosen > 0 ? tally : { passed: 0, failed: 1, remarks: ['there is no such spec file'] };
}

async function runJest(
  kind: 'unit' | 'integration',
  files: readonly string[],
  projects: readonly string[],
  { root, signal }: RunTestsOptions,
): Promise<Tally> {
  const outputFile = join(RUN_FOLDER, 'test', `${kind}.json`);
  mkdirSync(join(RUN_FOLDER, 'test'), { recursive: true });
  rmSync(outputFile, { force: true });
  const args = [
    join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
    ...['--json', `--outputFile=${outputFile}`, kind === 'unit' ? '--maxWorkers=100%' : '--runInBand'],
    ...['--projects', ...projects, '--runTestsByPath', ...files],
  ];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, NODE_ENV: 'test', ...(process.stderr.isTTY ? { FORCE_COLOR: '1' } : {}) },
    stdio: ['ignore', 'inherit', 'pipe'],
    timeout: RUN_TIMEOUT_MS,
    signal,
    killSignal: 'SIGTERM',
  });
  const printed = printUseful(child.stderr);
  const code = await endOf(child, outputFile);
  await printed;
  const result = existsSync(outputFile) ? (JSON.parse(readFileSync(outputFile, 'utf8')) as JestResult) : undefined;
  return tallyOf(result, code, files.length);
}

/** The exit code. Something that a test left open keeps Jest alive after its last word: it is ended, and its code is null. */
async function endOf(child: ChildProcess, outputFile: string): Promise<number | null> {
  let waitedMs = 0;
  const watch = setInterval(() => {
    if (existsSync(outputFile)) waitedMs += LOOK_INTERVAL_MS;
    if (waitedMs > GRACE_AFTER_RESULT_MS) child.kill('SIGKILL');
  }, LOOK_INTERVAL_MS);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
  } finally {
    clearInterval(watch);
  }
}

/** Jest repeats the path of every file and where the result is: that would bury the failures. */
const NOISE = /^(.\[\d+m)*(Ran all test suites|Test results written to)/;

async function printUseful(output: NodeJS.ReadableStream): Promise<void> {
  for await (const line of createInterface({ input: output })) if (!NOISE.test(line)) process.stderr.write(`${line}\n`);
}
