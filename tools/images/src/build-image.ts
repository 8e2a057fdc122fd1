import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { buildDtm, dtmSourceHash, exec, unpackPackages } from '@coupon/servers';
import type { ImageDefinition } from './definitions';

const REPOSITORY = join(__dirname, '..', '..', '..');
const ROOTFS = join(__dirname, '..', 'rootfs');
const IMPORT_TIMEOUT_MS = 180_000;
/** Label of images built here; its value tells whether the image is as the sources say. */
export const RECIPE_LABEL = 'coupon.image.recipe';

export interface BuildOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly log: (line: string) => void;
}

/** Unpacks the definition's packages, adds entrypoint and users, and imports the tree as an image. Nothing is left in the file system. */
export async function buildImage(definition: ImageDefinition, options: BuildOptions): Promise<void> {
  const started = performance.now();
  const directory = join(REPOSITORY, '.cache', 'images', `${definition.name}-${process.pid}`);
  options.log(`images    building ${definition.tag} from Debian packages (${definition.suite}), once`);
  try {
    const request = { directory, suite: definition.suite, packages: definition.packages };
    const server = definition.name === 'dtm' ? await builtDtm(options) : undefined;
    await unpackPackages(request, (tree) => complete(tree, definition, server));
    await importTree(directory, definition, options.env);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  options.log(`images    ${definition.tag} built in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** Changes when anything that goes into the image from this repository changes. */
export function recipeHash(definition: ImageDefinition): string {
  const hash = createHash('sha256').update(JSON.stringify(definition));
  const root = join(ROOTFS, definition.name);
  for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()) {
    if (statSync(join(root, file)).isFile()) hash.update(file).update(readFileSync(join(root, file)));
  }
  if (definition.name === 'dtm') hash.update(dtmSourceHash());
  return hash.digest('hex').slice(0, 16);
}

/** What the packages' installation scripts would have done, as far as the servers need it. */
function complete(tree: string, definition: ImageDefinition, server: string | undefined): void {
  for (const waste of ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/info', 'var/cache']) {
    rmSync(join(tree, waste), { recursive: true, force: true });
  }
  cpSync(join(ROOTFS, definition.name), tree, { recursive: true });
  for (const directory of [
    'tmp',
    'run',
    'proc',
    'sys',
    'dev',
    'root',
    ...definition.users.map((user) => user.home.slice(1)),
  ]) {
    mkdirSync(join(tree, directory), { recursive: true });
  }
  const users = [
    { name: 'root', id: 0, home: '/root' },
    ...definition.users,
    { name: 'nobody', id: 65534, home: '/nonexistent' },
  ];
  writeFile(
    tree,
    'etc/passwd',
    users.map(({ name, id, home }) => `${name}:x:${id}:${id}::${home}:/bin/sh`),
  );
  writeFile(
    tree,
    'etc/group',
    users.map(({ name, id }) => `${name}:x:${id}:`),
  );
  writeFile(tree, 'etc/nsswitch.conf', ['passwd: files', 'group: files', 'hosts: files dns']);
  trustMozillaCertificates(tree);
  if (server !== undefined) {
    mkdirSync(join(tree, 'app/dtm'), { recursive: true });
    copyFileSync(server, join(tree, 'app/dtm/dtm'));
  }
  if (definition.name === 'node') copyFileSync(nodeBinary(), join(tree, 'usr/local/bin/node'));
}

/** The server that is also run without containers: built from pinned sources, in the same place. */
async function builtDtm({ env, log }: BuildOptions): Promise<string> {
  const cacheDirectory = join(REPOSITORY, '.cache', 'servers');
  const built = await buildDtm({
    env,
    log,
    cacheDirectory,
    run: async ({ command, args, env: variables, cwd, timeoutMs }) => {
      const { code, stdout, stderr } = await exec(command, args, { env: variables, cwd, timeoutMs });
      return { code, output: stdout + stderr };
    },
  });
  if ('unavailable' in built) throw new Error(`DTM cannot be built for its image: ${built.unavailable}`);
  return built.program;
}

function trustMozillaCertificates(tree: string): void {
  const directory = join(tree, 'usr/share/ca-certificates/mozilla');
  if (!existsSync(directory)) return;
  const certificates = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8').trim());
  writeFile(tree, 'etc/ssl/certs/ca-certificates.crt', certificates);
}

/** The Node that the repository itself runs on. */
function nodeBinary(): string {
  const installed = join(REPOSITORY, 'node_modules', 'node', 'bin', 'node');
  return existsSync(installed) ? installed : process.execPath;
}

function writeFile(tree: string, file: string, lines: readonly string[]): void {
  mkdirSync(dirname(join(tree, file)), { recursive: true });
  writeFileSync(join(tree, file), `${lines.join('\n')}\n`);
}

async function importTree(tree: string, definition: ImageDefinition, env: NodeJS.ProcessEnv): Promise<void> {
  const changes = [...definition.changes, `LABEL ${RECIPE_LABEL}=${recipeHash(definition)}`].flatMap((change) => [
    '--change',
    change,
  ]);
  const archive = `${tree}.tar`;
  try {
    // Everything belongs to root whoever builds.
    const pack = await exec(
      'tar',
      ['--create', '--file', archive, '--owner=0', '--group=0', '--numeric-owner', '-C', tree, '.'],
      {
        timeoutMs: IMPORT_TIMEOUT_MS,
      },
    );
    if (pack.code !== 0) throw new Error(`tar failed: ${pack.stderr.trim()}`);
    const result = await exec('docker', ['import', ...changes, archive, definition.tag], {
      timeoutMs: IMPORT_TIMEOUT_MS,
      env,
    });
    if (result.code !== 0) throw new Error(`docker import ${definition.tag} failed: ${result.stderr.trim()}`);
  } finally {
    rmSync(archive, { force: true });
  }
}
