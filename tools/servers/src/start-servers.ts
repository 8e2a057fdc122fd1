import { join } from 'node:path';
import { PortAllocator } from './ports';
import { RECIPES } from './recipes/recipes';
import { builtSource } from './sources/built.source';
import { dockerSource } from './sources/docker.source';
import { environmentSource } from './sources/environment.source';
import { installedSource } from './sources/installed.source';
import { localSource } from './sources/local.source';
import type { Source, SourceContext } from './sources/source';
import { unpackedSource } from './sources/unpacked.source';
import { Supervisor } from './supervisor/supervisor';
import { SERVER_SOURCES, ServerUnavailableError } from './types';
import type { RunningServers, ServerHandle, ServerKind, ServerSource } from './types';
import type { Recipe } from './recipes/recipe';
import { withoutCredentials } from './urls';

const REPOSITORY = join(__dirname, '..', '..', '..');

export interface StartServersOptions<K extends ServerKind> {
  readonly need: readonly K[];
  /** Short word for the run directory's name: demo, dev, bench, test. */
  readonly purpose: string;
  /** Gets `.run/<purpose>-<pid>` for data and `.cache/servers` for what later runs use again. @default the repository */
  readonly baseDir?: string;
  /** One line for each choice. @default prints nothing */
  readonly log?: (line: string) => void;
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv;
  /** Restricts where servers may come from. @default all, in the order of SERVER_SOURCES */
  readonly sources?: readonly ServerSource[];
  /** Docker images to use instead of the pinned official ones. */
  readonly images?: Readonly<Partial<Record<ServerKind, string>>>;
  /** Added to the command line of a server started here (Redis, MySQL). */
  readonly arguments?: Readonly<Partial<Record<ServerKind, readonly string[]>>>;
  /** Added to the environment of a server that is started as a process of this machine; DTM's settings, in a container too. */
  readonly environment?: Readonly<Partial<Record<ServerKind, Readonly<Record<string, string>>>>>;
  /** For tests of the choice itself. */
  readonly sourceImplementations?: Readonly<Record<ServerSource, Source>>;
}

const SOURCES: Readonly<Record<ServerSource, Source>> = {
  environment: environmentSource,
  docker: dockerSource,
  local: localSource,
  built: builtSource,
  unpacked: unpackedSource,
  installed: installedSource,
};

/**
 * Provides real servers, each from the first source that has it: a URL from the environment, Docker, local programs, a build from source,
 * unpacked Debian packages, the system's package manager. Started servers listen on 127.0.0.1, keep their data in the run directory and end with this
 * process, however it ends. Rejects with ServerUnavailableError when a server cannot be had; the others are stopped then.
 */
export async function startServers<K extends ServerKind>(options: StartServersOptions<K>): Promise<RunningServers<K>> {
  const run = new Run(options);
  // All of them, also when one fails: what is still starting could otherwise outlive the stop.
  const outcomes = await Promise.allSettled(options.need.map((kind) => provide(RECIPES[kind], options, run)));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) {
    await run.stop();
    throw failed.reason;
  }
  const handles = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const byKind = <T>(value: (handle: ServerHandle) => T): Record<K, T> =>
    Object.fromEntries(options.need.map((kind, index) => [kind, value(handles[index] as ServerHandle)])) as Record<
      K,
      T
    >;
  return {
    servers: byKind((handle) => handle),
    get endpoints() {
      return byKind((handle) => handle.endpoint);
    },
    directory: (await run.started())?.directory,
    stop: () => run.stop(),
    detach: async () => (await run.started())?.detach(),
  };
}

async function provide<K extends ServerKind>(
  recipe: Recipe,
  options: StartServersOptions<K>,
  run: Run,
): Promise<ServerHandle> {
  const reasons: string[] = [];
  const sources = options.sourceImplementations ?? SOURCES;
  for (const name of SERVER_SOURCES) {
    if (options.sources && !options.sources.includes(name)) continue;
    const source = sources[name];
    try {
      const result = await source.open(recipe, run);
      if (result.kind === 'server') {
        run.log(choiceLine(result.server, source));
        return result.server;
      }
      reasons.push(`${name}: ${result.reason}`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // A URL that was asked for and does not answer is a mistake to report, not a reason to start something else.
      if (name === 'environment') throw new ServerUnavailableError(recipe.kind, `${message}.`, reasons);
      run.log(`${recipe.kind.padEnd(9)} ${source.description}: ${message}; trying the next source`);
      reasons.push(`${name}: ${message}`);
    }
  }
  throw new ServerUnavailableError(recipe.kind, recipe.advice, reasons);
}

function choiceLine({ endpoint }: ServerHandle, source: Source): string {
  const { kind, flavour, version, url } = endpoint;
  const label = flavour === kind ? version : `${version} (${flavour})`;
  return `${kind.padEnd(9)} ${label.padEnd(18)} ${source.description.padEnd(25)} ${withoutCredentials(url)}`;
}

/** What the sources of one run share. */
class Run implements SourceContext {
  readonly env: NodeJS.ProcessEnv;
  readonly purpose: string;
  readonly cacheDirectory: string;
  readonly ports = new PortAllocator();
  readonly images: Readonly<Partial<Record<ServerKind, string>>>;
  readonly arguments: Readonly<Partial<Record<ServerKind, readonly string[]>>>;
  readonly environment: Readonly<Partial<Record<ServerKind, Readonly<Record<string, string>>>>>;
  readonly log: (line: string) => void;
  readonly #parent: string;
  #supervisor: Promise<Supervisor> | undefined;

  constructor(options: StartServersOptions<ServerKind>) {
    const base = options.baseDir ?? REPOSITORY;
    this.env = options.env ?? process.env;
    this.purpose = options.purpose;
    this.images = options.images ?? {};
    this.arguments = options.arguments ?? {};
    this.environment = options.environment ?? {};
    this.cacheDirectory = join(base, '.cache', 'servers');
    this.#parent = join(base, '.run');
    this.log = options.log ?? ((): void => undefined);
  }

  supervisor(): Promise<Supervisor> {
    this.#supervisor ??= Supervisor.start({ parent: this.#parent, purpose: this.purpose });
    return this.#supervisor;
  }

  /** The supervisor, if any server needed one. */
  async started(): Promise<Supervisor | undefined> {
    return this.#supervisor;
  }

  async stop(): Promise<void> {
    await (await this.#supervisor)?.stop();
  }
}
