import { join } from 'node:path';
import { engineAnswers, imageIsPresent, pullImage } from '../container-engine';
import { startPrivateEngine } from '../engine/private-engine';
import { exec } from '../exec';
import { RECIPES } from '../recipes/recipes';
import type { ServerKind } from '../types';
import { openTestContainerContext } from './test-container';
import type { TestContainerContext } from './test-container';

const REPOSITORY = join(__dirname, '..', '..', '..', '..');
const IMAGES = join(REPOSITORY, 'tools', 'images', 'src', 'main.ts');
const BUILD_TIMEOUT_MS = 600_000;
const RYUK_IMAGE = 'testcontainers/ryuk:0.14.0';

/** A container engine for a test run. */
export interface FoundEngine {
  /** Null for the default one of the docker client. */
  readonly dockerHost: string | null;
  /** Makes the image of a kind available (present, pulled, or built under the same tag) and returns its tag. */
  image(kind: ServerKind): Promise<string>;
  testContainerContext(): Promise<TestContainerContext>;
  stop(): Promise<void>;
}

interface Options {
  readonly env: NodeJS.ProcessEnv;
  readonly log: (line: string) => void;
}

/** The engine that answers, else a private one where it is asked for, else why there is none. */
export async function findTestEngine(options: Options): Promise<FoundEngine | { readonly unavailable: string }> {
  const { env, log } = options;
  if (await engineAnswers(env)) return found(options, { env, stop: async () => undefined });
  const install = env['CONTAINER_ENGINE'] === 'install' || (env['CI'] ?? '') !== '';
  if (!install) return { unavailable: 'no container engine answers; CONTAINER_ENGINE=install starts a private one' };
  const engine = await startPrivateEngine({ env, log, install });
  if ('unavailable' in engine) return engine;
  log('containers of a private engine below .run');
  return found(options, {
    env: { ...env, DOCKER_HOST: engine.host },
    publishedOn: '127.0.0.1',
    stop: () => engine.stop(),
  });
}

interface Engine {
  readonly env: NodeJS.ProcessEnv;
  readonly publishedOn?: string;
  stop(): Promise<void>;
}

function found(options: Options, engine: Engine): FoundEngine {
  const { env, publishedOn } = engine;
  return {
    dockerHost: env['DOCKER_HOST'] ?? null,
    stop: () => engine.stop(),
    image: (kind) => ensureImage(kind, env, options.log),
    testContainerContext: async () => {
      // Testcontainers' own reaper is used where its image can be had; otherwise this run's watchdog removes the containers.
      const silent = { env, log: (): void => undefined };
      const reaper = (await pullImage(RYUK_IMAGE, silent)) === undefined;
      return openTestContainerContext({ env, reaper, ...(publishedOn === undefined ? {} : { publishedOn }) });
    },
  };
}

async function ensureImage(kind: ServerKind, env: NodeJS.ProcessEnv, log: (line: string) => void): Promise<string> {
  const other = env[`TEST_IMAGE_${kind.toUpperCase()}`];
  if (other !== undefined && other !== '') return pullOnly(other, env, log);
  const { image } = RECIPES[kind].container();
  if (kind === 'mariadb') return pullOnly(image, env, log);
  const args = [
    join(REPOSITORY, 'node_modules', 'tsx', 'dist', 'cli.mjs'),
    '--tsconfig',
    join(REPOSITORY, 'tsconfig.base.json'),
    IMAGES,
    kind,
  ];
  const build = await exec(process.execPath, args, { timeoutMs: BUILD_TIMEOUT_MS, env, onLine: log });
  if (build.code === 0 && (await imageIsPresent(image, env))) return image;
  throw new Error(`${image} can neither be pulled nor built: ${build.stderr.trim().split('\n').at(-1) ?? ''}`);
}

/** An image that has no stand-in built here. */
async function pullOnly(image: string, env: NodeJS.ProcessEnv, log: (line: string) => void): Promise<string> {
  const missing = await pullImage(image, { env, log });
  if (missing !== undefined) throw new Error(missing);
  return image;
}
