// Writes src/generated (the Prisma client) and src/migrations/generated (the migrations' text, so that a bundle carries them).
// The client's generator needs no schema engine; Prisma would download one all the same, so it is told that there is one.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export function embedMigrations() {
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
    '// Written by scripts/generate.mjs from prisma/migrations; do not edit.',
    "import type { Migration } from '../migration';",
    '',
    'export const EMBEDDED_MIGRATIONS: readonly Migration[] = [',
    ...rows,
    '];',
    '',
  ].join('\n');
}

function main() {
  const target = join(root, 'src', 'migrations', 'generated');
  mkdirSync(target, { recursive: true });
  const file = join(target, 'migrations.ts');
  const text = embedMigrations();
  if (process.argv.includes('--check')) {
    if (readFileSync(file, 'utf8') === text) return;
    process.stderr.write('src/migrations/generated is out of date: run `npx nx run persistence:generate`\n');
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
