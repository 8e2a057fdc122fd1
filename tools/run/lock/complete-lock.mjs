#!/usr/bin/env node
/**
 * Adds to package-lock.json the platform packages (a native binary for another system, say) that npm left out because the registry it
 * talked to does not carry them. Without their entries `npm ci` refuses the lock file everywhere; with them it skips what is made for
 * another system, as always. The entries have no integrity: nobody here has seen the package.
 * `--check` writes nothing and fails when something is missing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Words of a platform package's name, in the words of npm's `os` and `cpu` fields.
 * @type {Readonly<Record<string, string>>}
 */
const OS_WORDS = {
  aix: 'aix',
  android: 'android',
  darwin: 'darwin',
  freebsd: 'freebsd',
  linux: 'linux',
  linuxmusl: 'linux',
  netbsd: 'netbsd',
  openbsd: 'openbsd',
  openharmony: 'openharmony',
  sunos: 'sunos',
  win32: 'win32',
};
/** @type {Readonly<Record<string, string>>} */
const CPU_WORDS = {
  aarch64: 'arm64',
  arm: 'arm',
  arm64: 'arm64',
  armv6: 'arm',
  armv7: 'arm',
  ia32: 'ia32',
  loong64: 'loong64',
  mips64el: 'mips64el',
  ppc64: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
  wasm32: 'wasm32',
  x64: 'x64',
};

/**
 * The place in the tree where `name`, needed by the package at `from`, is found; undefined when nowhere.
 * @param {Record<string, object>} packages
 * @param {string} from
 * @param {string} name
 * @returns {string | undefined}
 */
function resolve(packages, from, name) {
  for (let at = from; ;) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (packages[place]) return place;
    if (at === '') return undefined;
    at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1));
  }
}

/**
 * The entry of a platform package whose name says what it is for; undefined when it does not.
 * @param {string} name
 * @param {string} version
 * @param {boolean} dev
 */
export function platformEntry(name, version, dev) {
  const words = name.split(/[-/.]/);
  const os = words.map((word) => OS_WORDS[word]).find(Boolean);
  const cpu = words.map((word) => CPU_WORDS[word]).find(Boolean);
  if (!os || !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) return undefined;
  return { version, ...(cpu ? { cpu: [cpu] } : {}), ...(dev ? { dev } : {}), optional: true, os: [os] };
}

/**
 * @param {{ packages: Record<string, any> }} lock
 * @returns {{ added: Record<string, object>, unknown: string[] }} entries to add, and what no entry can be made for
 */
export function missingEntries(lock) {
  /** @type {Record<string, object>} */
  const added = {};
  /** @type {string[]} */
  const unknown = [];
  for (const [place, { optionalDependencies = {}, dev = false }] of Object.entries(lock.packages)) {
    for (const [name, range] of Object.entries(optionalDependencies)) {
      if (resolve(lock.packages, place, name)) continue;
      const entry = platformEntry(name, range, dev);
      if (entry) added[`node_modules/${name}`] = entry;
      else unknown.push(`${name}@${range} (of ${place})`);
    }
  }
  return { added, unknown };
}

function main() {
  const file = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const { added, unknown } = missingEntries(lock);
  const names = Object.keys(added);
  if (unknown.length > 0)
    process.stderr.write(`package-lock.json lacks, and no entry can be made for: ${unknown.join(', ')}\n`);
  if (process.argv.includes('--check')) {
    if (names.length > 0) {
      process.stderr.write(
        `package-lock.json lacks ${names.length} platform packages; run: node tools/run/lock/complete-lock.mjs\n`,
      );
    }
    process.exitCode = names.length + unknown.length > 0 ? 1 : 0;
    return;
  }
  const packages = Object.entries({ ...lock.packages, ...added }).sort(([a], [b]) => a.localeCompare(b, 'en'));
  if (names.length > 0)
    writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`);
  process.stdout.write(`package-lock.json: ${names.length} entries added\n`);
  process.exitCode = unknown.length > 0 ? 1 : 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) main();
