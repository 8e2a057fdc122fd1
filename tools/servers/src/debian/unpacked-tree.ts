import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { exec } from '../exec';
import type { Executable, UnpackedTree } from '../recipes/recipe';
import { wrapErlangPrograms } from './erlang-wrappers';

const UNPACK_TIMEOUT_MS = 240_000;
const MANIFEST = 'tree.json';
const SCRIPT = join(__dirname, '..', '..', 'debian', 'unpack.sh');

export interface UnpackRequest {
  /** Directory that will hold the tree, e.g. `<repo>/.cache/servers/redis`. */
  readonly directory: string;
  readonly suite: string;
  readonly packages: readonly string[];
}

/** A tree that an earlier run unpacked, or undefined. */
export function openTree(directory: string): UnpackedTree | undefined {
  const manifest = join(directory, MANIFEST);
  if (!existsSync(manifest)) return undefined;
  const { suite } = JSON.parse(readFileSync(manifest, 'utf8')) as { suite: string };
  return treeAt(directory, suite);
}

/**
 * Downloads and unpacks packages with all they depend on, and lets `finish` complete the tree. The tree appears under its name only then,
 * so that an interrupted run leaves nothing that a later one would trust. Rejects with the package manager's last words.
 * Returns name and version of each package.
 */
export async function unpackPackages(
  request: UnpackRequest,
  finish: (tree: string, packages: Readonly<Record<string, string>>) => void = () => undefined,
): Promise<Readonly<Record<string, string>>> {
  const staged = `${request.directory}.${process.pid}`;
  const work = `${staged}.work`;
  removeAbandonedStages(request.directory);
  try {
    mkdirSync(work, { recursive: true });
    const result = await exec('bash', [SCRIPT, request.suite, staged, work, ...request.packages], {
      timeoutMs: UNPACK_TIMEOUT_MS,
      env: { ...process.env, LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (result.code !== 0) throw new Error(result.timedOut ? 'the download took too long' : lastLine(result.stderr));
    const lines = result.stdout.trim().split('\n');
    const packages = Object.fromEntries(lines.map((line) => line.split('\t') as [string, string]));
    finish(staged, packages);
    publish(staged, request.directory);
    return packages;
  } finally {
    for (const path of [staged, work]) rmSync(path, { recursive: true, force: true });
  }
}

/** Packages whose programs can be run from the tree, with the tree's own loader and libraries. */
export async function unpackTree(request: UnpackRequest): Promise<UnpackedTree> {
  await unpackPackages(request, (tree, packages) => {
    wrapErlangPrograms(tree, loaderOf(tree), libraryDirectories(tree));
    writeFileSync(join(tree, MANIFEST), JSON.stringify({ suite: request.suite, packages }, null, 2));
  });
  return treeAt(request.directory, request.suite);
}

/** True where packages can be unpacked at all. */
export async function canUnpack(): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const { code } = await exec('bash', ['-c', 'command -v apt-get && command -v dpkg-deb'], { timeoutMs: 5000 });
  return code === 0;
}

function publish(staged: string, directory: string): void {
  try {
    renameSync(staged, directory);
  } catch (error) {
    // Another run was quicker: its tree is as good. Anything else that lies there has no manifest and is no tree.
    if (openTree(directory)) return;
    if (!existsSync(directory)) throw error;
    rmSync(directory, { recursive: true });
    renameSync(staged, directory);
  }
}

/** Directories that a killed run was filling. */
function removeAbandonedStages(directory: string): void {
  const parent = join(directory, '..');
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const owner = new RegExp(`^${basename(directory)}\\.(\\d+)(\\.work)?$`).exec(name)?.[1];
    if (owner !== undefined && Number(owner) !== process.pid && !existsSync(`/proc/${owner}`)) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
}

function treeAt(directory: string, suite: string): UnpackedTree {
  const loader = join(directory, loaderOf(directory));
  const libraryPath = libraryDirectories(directory)
    .map((library) => join(directory, library))
    .join(':');
  return {
    directory,
    suite,
    executable: (program: string): Executable => ({
      command: loader,
      args: ['--library-path', libraryPath, '--argv0', basename(program), join(directory, program)],
    }),
  };
}

/** The tree's dynamic loader, relative to it. The system's own may be too old for the tree's C library. */
function loaderOf(tree: string): string {
  for (const library of ['usr/lib64', 'lib64', 'usr/lib', 'lib', ...libraryDirectories(tree)]) {
    const name = list(join(tree, library)).find((file) => /^ld-linux.*\.so\.\d+$/.test(file));
    if (name !== undefined) return join(library, name);
  }
  throw new Error('the unpacked packages hold no dynamic loader');
}

/** Where the tree keeps its libraries (one directory per architecture), relative to it. */
function libraryDirectories(tree: string): string[] {
  return ['usr/lib', 'lib'].flatMap((library) =>
    list(join(tree, library))
      .filter((name) => name.includes('-linux-gnu'))
      .map((name) => join(library, name)),
  );
}

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? 'the package manager failed without a word';
}
