import { join } from 'node:path';

export interface Check {
  readonly name: string;
  /** Program and arguments; `node` is the Node of the packages, everything runs in the repository. */
  readonly command: readonly [string, ...string[]];
  readonly timeoutMs: number;
}

const MINUTE_MS = 60_000;
const NX = 'node_modules/.bin/nx';
const APPS = 'coupon-admin,seckill-gateway,seckill-worker,saga-participant';

const nx = (...args: string[]): [string, ...string[]] => ['node', NX, ...args, '--output-style=static'];
const script = (file: string, ...args: string[]): [string, ...string[]] => ['node', '--import', 'tsx', file, ...args];

/** What is checked before the tests, in this order: the cheap ones first. */
export const CHECKS: readonly Check[] = [
  {
    name: 'lock file is complete',
    command: ['node', 'tools/run/lock/complete-lock.mjs', '--check'],
    timeoutMs: MINUTE_MS,
  },
  {
    name: 'format',
    command: ['node', 'node_modules/prettier/bin/prettier.cjs', '--check', '.'],
    timeoutMs: 5 * MINUTE_MS,
  },
  { name: 'Lua code is generated', command: script('tools/lua-codegen/src/main.ts', '--check'), timeoutMs: MINUTE_MS },
  {
    name: 'contracts are generated',
    command: ['node', 'tools/contracts/generate.mjs', '--check'],
    timeoutMs: 2 * MINUTE_MS,
  },
  {
    name: 'migrations are embedded',
    command: ['node', 'libs/persistence/scripts/generate.mjs', '--check'],
    timeoutMs: MINUTE_MS,
  },
  {
    name: "the shop's migrations are embedded",
    command: ['node', 'libs/persistence/scripts/generate.mjs', 'apps/saga-participant', '--check'],
    timeoutMs: MINUTE_MS,
  },
  { name: 'protos follow the rules', command: nx('run', 'contracts:lint-proto'), timeoutMs: 2 * MINUTE_MS },
  { name: 'rules of the repository', command: nx('run', 'checks:check'), timeoutMs: 2 * MINUTE_MS },
  { name: 'types', command: nx('run-many', '-t', 'typecheck'), timeoutMs: 10 * MINUTE_MS },
  { name: 'lint and module boundaries', command: nx('run-many', '-t', 'lint'), timeoutMs: 10 * MINUTE_MS },
  { name: 'four apps build', command: nx('run-many', '-t', 'build', '-p', APPS), timeoutMs: 5 * MINUTE_MS },
];

/** Fresh protos against those of main, laid out in `folder`. */
export function breakingCheck(folder: string): Check {
  return {
    name: 'protos break nobody',
    command: ['node', 'tools/contracts/buf.mjs', 'breaking', 'proto', '--against', join(folder, 'proto')],
    timeoutMs: 2 * MINUTE_MS,
  };
}

/** A small sale from beginning to end. */
export function demoCheck(reportFile: string): Check {
  return {
    name: 'a small sale',
    command: ['node', 'tools/run/bootstrap.mjs', 'demo', '--buyers', '3000', '--stock', '800', '--report', reportFile],
    timeoutMs: 6 * MINUTE_MS,
  };
}
