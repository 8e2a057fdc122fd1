#!/usr/bin/env node
/**
 * `node tools/build/build-app.mjs <app>`: apps/<app>/src/main.ts and everything it uses -> dist/apps/<app>, which runs when it is copied
 * alone to an empty folder (`node main.js`). Nothing is left to install: every package is inside main.js; package.json names their exact
 * versions. Type checking is the target `typecheck`.
 */
import { build } from 'esbuild';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { relocateAssets } from './relocate-assets.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const builtins = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`)]);

/** @param {{ app: string, entry?: string, outDir?: string }} options the last two for tests */
export async function buildApp({
  app,
  entry = join(root, 'apps', app, 'src', 'main.ts'),
  outDir = join(root, 'dist', 'apps', app),
}) {
  rmSync(outDir, { recursive: true, force: true });
  mkdirSync(outDir, { recursive: true });
  const { metafile, warnings } = await build({
    entryPoints: [entry],
    outfile: join(outDir, 'main.js'),
    absWorkingDir: root,
    tsconfig: join(root, 'tsconfig.base.json'),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // Whitespace is not worth unreadable stack traces. Names stay as they are but for collisions; to force them (keepNames) would define a
    // property for every closure that is made: a twentieth of the relay's CPU time.
    minify: false,
    keepNames: false,
    sourcemap: 'linked',
    // Stack traces need positions only; reading the sources' texts as well would make each start 0.2 s longer.
    sourcesContent: false,
    legalComments: 'external',
    metafile: true,
    logLevel: 'warning',
    plugins: [relocateAssets(root, outDir)],
  });
  const outside = externalImports(metafile);
  if (outside.length > 0) throw new Error(`${app}: imports that the bundle does not contain: ${outside.join(', ')}`);
  if (warnings.length > 0) throw new Error(`${app}: the bundler has ${warnings.length} warnings, see above`);
  writeFileSync(join(outDir, 'package.json'), `${JSON.stringify(packageJson(app, metafile), null, 2)}\n`);
  return { outDir, bytes: Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** What main.js would still look for at run time besides Node itself. */
function externalImports(metafile) {
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  return [...new Set(imports.filter(({ external, path }) => external && !builtins.has(path)).map(({ path }) => path))];
}

function packageJson(app, metafile) {
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return {
    name: app,
    version: own.version,
    private: true,
    license: own.license,
    type: 'commonjs',
    main: 'main.js',
    engines: { node: own.engines.node },
    scripts: { start: 'node --enable-source-maps main.js' },
    dependencies: {},
    bundled: bundledPackages(metafile),
  };
}

/** Name -> exact version(s) of every package inside the bundle: for audits and licence lists. */
function bundledPackages(metafile) {
  const folders = new Set(
    Object.keys(metafile.inputs)
      .map((path) => /^(?:[^:]*:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
      .filter((folder) => folder !== undefined),
  );
  const versions = new Map();
  for (const folder of folders) {
    const { name, version } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    versions.set(name, [...new Set([...(versions.get(name) ?? []), version])].sort());
  }
  return Object.fromEntries(
    [...versions].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, list]) => [name, list.join(', ')]),
  );
}

async function main() {
  const app = process.argv[2];
  if (app === undefined) throw new Error('usage: node tools/build/build-app.mjs <app>');
  const { outDir, bytes } = await buildApp({ app });
  process.stdout.write(`${app}: ${outDir} (${(bytes / 1e6).toFixed(1)} MB with source map)\n`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}
