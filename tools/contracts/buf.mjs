#!/usr/bin/env node
/** `node tools/contracts/buf.mjs <arguments of buf>`: the pinned buf with its cache inside the repository. */
import { execFileSync } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const cache = join(root, 'node_modules', '.cache', 'contracts');

/** @throws when buf ends with an error; what it says goes to standard error. */
export function buf(cwd, ...args) {
  const bin = join(root, 'node_modules', '.bin');
  execFileSync(join(bin, 'buf'), args, {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    // buf keeps its cache in the home directory unless told otherwise; plugins are found through the path.
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`, BUF_CACHE_DIR: join(cache, 'buf') },
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    buf(root, ...process.argv.slice(2));
  } catch (error) {
    process.exitCode = error.status ?? 1;
  }
}
