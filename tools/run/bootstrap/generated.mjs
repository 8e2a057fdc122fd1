import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Refusal } from './refusal.mjs';

/** Code that git ignores, what it is made from, and how. */
const PRISMA = {
  script: 'libs/persistence/scripts/generate.mjs',
  sources: ['libs/persistence/prisma', 'libs/persistence/prisma.config.ts', 'libs/persistence/scripts/generate.mjs'],
  packages: ['node_modules/prisma/package.json', 'node_modules/@prisma/client/package.json'],
  product: 'libs/persistence/src/generated/client.ts',
};

/**
 * One hash of all files below the given paths, names included.
 * @param {string} root
 * @param {readonly string[]} paths
 */
export function hashOf(root, paths) {
  const hash = createHash('sha256');
  for (const path of paths) {
    for (const file of filesBelow(join(root, path)))
      hash
        .update(`${file.slice(root.length)}\0`)
        .update(readFileSync(file))
        .update('\0');
  }
  return hash.digest('hex');
}

/**
 * @param {string} path
 * @returns {string[]}
 */
function filesBelow(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat ? [path] : [];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}

/**
 * Writes the Prisma client when it is missing or older than its sources.
 * @param {string} root
 * @param {string} node
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} say
 */
export function ensureGenerated(root, node, env, say) {
  const stamp = join(root, '.cache', 'bootstrap', 'prisma.sha256');
  const hash = hashOf(root, [...PRISMA.sources, ...PRISMA.packages]);
  if (existsSync(join(root, PRISMA.product)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(node, [PRISMA.script], { cwd: root, env, encoding: 'utf8' });
  if (status !== 0) throw new Refusal(`The Prisma client could not be generated:\n${stdout}${stderr}`.trimEnd());
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
  say(`generated the Prisma client in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
