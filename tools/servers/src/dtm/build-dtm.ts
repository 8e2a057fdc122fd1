import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { exec, findProgram, isExecutable } from '../exec';
import { isAtLeast } from '../recipes/recipe';
import type { BuildContext } from '../recipes/recipe';
import { withLockFile } from './lock-file';
import { DTM_MODULE, DTM_VERSION, copyProgram, editModule, sourceHash } from './dtm-source';

const OLDEST_GO = [1, 22] as const;
const DOWNLOAD_TIMEOUT_MS = 600_000;
const COMPILE_TIMEOUT_MS = 900_000;
/** Where Go's own archive puts it; often not on the PATH of a service or of root. */
const USUAL_PLACES = ['/usr/local/go/bin', '/usr/lib/go/bin'];

/** The server's program, or in one clause why it cannot be built here. */
export type DtmBuild = { readonly program: string } | { readonly unavailable: string };

/**
 * Builds DTM out of the Go module proxy, pinned by go.sum, once: `<cache>/dtm-<hash of the sources>/dtm`. Go's caches lie below
 * `<cache>/go`, nothing is written elsewhere. Two runs at a time build it once.
 */
export async function buildDtm(context: BuildContext, usualPlaces = USUAL_PLACES): Promise<DtmBuild> {
  const directory = join(context.cacheDirectory, `dtm-${sourceHash()}`);
  const program = join(directory, 'dtm');
  if (isExecutable(program)) return { program };
  const go = findProgram('go', [context.env['PATH'] ?? '', ...usualPlaces].join(':'));
  if (go === undefined) return { unavailable: 'no Go on PATH to build it with' };
  if (!(await isRecent(go, context))) {
    return { unavailable: `Go ${OLDEST_GO.join('.')} or newer is needed to build it` };
  }
  mkdirSync(context.cacheDirectory, { recursive: true });
  return withLockFile(`${directory}.lock`, async () => {
    if (isExecutable(program)) return { program }; // somebody else was building it
    return compile(go, directory, context);
  });
}

async function isRecent(go: string, context: BuildContext): Promise<boolean> {
  const env = goEnvironment(go, context);
  const { stdout } = await exec(go, ['env', 'GOVERSION'], { timeoutMs: 10_000, env });
  const version = /^go(\d+\.\d+)/.exec(stdout)?.[1];
  return version !== undefined && isAtLeast(version, ...OLDEST_GO);
}

async function compile(go: string, directory: string, context: BuildContext): Promise<DtmBuild> {
  const started = performance.now();
  const work = `${directory}.${process.pid}`;
  context.log(
    `dtm       building v${DTM_VERSION} from the Go module proxy below ${directory}, once; this takes minutes`,
  );
  try {
    copyProgram(work);
    const run = async (name: string, args: readonly string[], timeoutMs: number): Promise<string | undefined> => {
      const env = goEnvironment(go, context);
      const { code, output } = await context.run({ name, command: go, args, env, cwd: work, timeoutMs });
      return code === 0 ? undefined : `${name} failed: ${output.trim().split('\n').at(-1) ?? 'without a word'}`;
    };
    const download = await run('dtm-download', ['mod', 'download', DTM_MODULE], DOWNLOAD_TIMEOUT_MS);
    if (download !== undefined) return { unavailable: download };
    editModule(work, caches(context).modules);
    const args = ['build', '-trimpath', '-ldflags', '-s -w', '-o', join(work, 'out', 'dtm'), '.'];
    const build = await run('dtm-build', args, COMPILE_TIMEOUT_MS);
    if (build !== undefined) return { unavailable: build };
    rmSync(directory, { recursive: true, force: true });
    renameSync(join(work, 'out'), directory);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  context.log(`dtm       built in ${seconds} s`);
  return { program: join(directory, 'dtm') };
}

function caches({ cacheDirectory }: BuildContext): { path: string; modules: string; build: string; home: string } {
  const root = join(cacheDirectory, 'go');
  return { path: join(root, 'path'), modules: join(root, 'mod'), build: join(root, 'build'), home: join(root, 'home') };
}

/** The caller's environment, for proxies, certificates and its module proxy; every folder Go writes to lies in the cache. */
function goEnvironment(go: string, context: BuildContext): Record<string, string> {
  const { path, modules, build, home } = caches(context);
  const { env } = context;
  const temporary = join(home, 'tmp');
  mkdirSync(temporary, { recursive: true });
  const own = {
    PATH: [dirname(go), env['PATH'] ?? ''].join(':'),
    GOPATH: path,
    GOMODCACHE: modules,
    GOCACHE: build,
    GOTMPDIR: temporary,
    TMPDIR: temporary,
    HOME: home,
    XDG_CONFIG_HOME: home,
    XDG_CACHE_HOME: home,
    // What `go env -w` has set, a company's module proxy for one, is read but never written.
    GOENV: env['GOENV'] ?? userSettings(env),
    GOTOOLCHAIN: 'local',
    GOFLAGS: '-modcacherw -buildvcs=false',
    GO111MODULE: 'on',
    GOWORK: 'off',
    CGO_ENABLED: '0',
  };
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(given), ...own };
}

function userSettings(env: NodeJS.ProcessEnv): string {
  const mac = join('Library', 'Application Support');
  const config = env['XDG_CONFIG_HOME'] ?? join(homedir(), process.platform === 'darwin' ? mac : '.config');
  const file = join(config, 'go', 'env');
  return existsSync(file) ? file : 'off';
}
