import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Refusal } from './refusal.mjs';

/** Code that git ignores, what it is made from, and how. */
const PROJECTS = ['libs/persistence', 'apps/saga-participant'];
const SCRIPT = 'libs/persistence/scripts/generate.mjs';
const PACKAGES = ['node_modules/prisma/package.json', 'node_modules/@prisma/client/package.json'];

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
 * Writes the Prisma clients that are missing or older than their sources.
 * @param {string} root
 * @param {string} node
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} say
 */
export function ensureGenerated(root, node, env, say) {
  for (const project of PROJECTS) {
    const stamp = join(root, '.cache', 'bootstrap', `prisma-${project.replace('/', '-')}.sha256`);
    const hash = hashOf(root, [`${project}/prisma`, `${project}/prisma.config.ts`, SCRIPT, ...PACKAGES]);
    const product = join(root, project, 'src', 'generated', 'client.ts');
    if (existsSync(product) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) continue;
    const started = performance.now();
    const { status, stdout, stderr } = spawnSync(node, [SCRIPT, project], { cwd: root, env, encoding: 'utf8' });
    if (status !== 0) throw new Refusal(`A Prisma client could not be generated:\n${stdout}${stderr}`.trimEnd());
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, hash);
    say(`generated the Prisma client of ${project} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
}
