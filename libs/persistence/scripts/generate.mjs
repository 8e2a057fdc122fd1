// `generate.mjs [PROJECT] [--check]`: writes src/generated (the Prisma client) and src/migrations/generated (the migrations' text, so that
// a bundle carries them) of a project with a folder `prisma`.
// The client's generator needs no schema engine; Prisma would download one all the same, so it is told that there is one.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const own = join(dirname(fileURLToPath(import.meta.url)), '..');

/** @param {string} root of the project */
export function embedMigrations(root = own) {
  const folder = join(root, 'prisma', 'migrations');
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  const rows = names.map((name) => {
    const sql = readFileSync(join(folder, name, 'migration.sql'), 'utf8');
    const checksum = createHash('sha256').update(sql).digest('hex');
    return `  { name: ${JSON.stringify(name)}, checksum: '${checksum}', sql: ${JSON.stringify(sql)} },`;
  });
  return [
    '// Written by libs/persistence/scripts/generate.mjs from prisma/migrations; do not edit.',
    `import type { Migration } from '${root === own ? '../migration' : '@coupon/persistence'}';`,
    '',
    'export const EMBEDDED_MIGRATIONS: readonly Migration[] = [',
    ...rows,
    '];',
    '',
  ].join('\n');
}

function main() {
  const project = process.argv.slice(2).find((argument) => !argument.startsWith('--'));
  const root = project === undefined ? own : resolve(own, '..', '..', project);
  const target = join(root, 'src', 'migrations', 'generated');
  mkdirSync(target, { recursive: true });
  const file = join(target, 'migrations.ts');
  const text = embedMigrations(root);
  if (process.argv.includes('--check')) {
    if (readFileSync(file, 'utf8') === text) return;
    process.stderr.write(`${file} is out of date: run \`npx nx run ${basename(root)}:generate\`\n`);
    process.exit(1);
  }
  writeFileSync(file, text);
  const cli = createRequire(import.meta.url)
    .resolve('prisma/package.json')
    .replace(/package\.json$/, 'build/index.js');
  const run = spawnSync(process.execPath, [cli, 'generate'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    },
  });
  process.exit(run.status ?? 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
