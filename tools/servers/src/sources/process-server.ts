import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { pollUntil } from '../poll';
import type { Installation, Launch, Recipe } from '../recipes/recipe';
import type { ProcessExit, SupervisedProcess, Supervisor } from '../supervisor/supervisor';
import type { ServerEndpoint, ServerHandle, ServerSource } from '../types';
import type { SourceContext } from './source';

const ATTEMPTS = 2;
const READY_TIMEOUT_MS = 90_000;
const POLL_INTERVAL_MS = 40;

/**
 * Starts an installed or unpacked server as processes of the run and resolves when it answers. A second attempt has other ports and new data:
 * somebody may have taken a port between its choice and the start.
 */
export async function startProcessServer(
  recipe: Recipe,
  installation: Installation,
  source: ServerSource,
  context: SourceContext,
): Promise<ServerHandle> {
  let failure: unknown;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      return await startOnce(recipe, installation, source, context);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function startOnce(
  recipe: Recipe,
  installation: Installation,
  source: ServerSource,
  context: SourceContext,
): Promise<ServerHandle> {
  const supervisor = await context.supervisor();
  const planned = await recipe.launch(installation, {
    supervisor,
    directory: mkdtempSync(join(supervisor.directory, `${recipe.kind}-`)),
    cacheDirectory: context.cacheDirectory,
    ports: context.ports,
  });
  const args = [...planned.main.args, ...(context.arguments?.[recipe.kind] ?? [])];
  const env = { ...planned.main.env, ...context.environment?.[recipe.kind] };
  const launch = { ...planned, main: { ...planned.main, args, env } };
  const { flavour, version } = installation;
  const server = new ProcessServer(supervisor, recipe, launch, {
    kind: recipe.kind,
    ...launch.addresses,
    flavour,
    version,
    source,
  });
  try {
    await server.start();
  } catch (error) {
    await server.abandon();
    throw error;
  }
  return server;
}

class ProcessServer implements ServerHandle {
  readonly #supervisor: Supervisor;
  readonly #recipe: Recipe;
  readonly #launch: Launch;
  #endpoint: ServerEndpoint;
  #main: SupervisedProcess | undefined;
  #companion: SupervisedProcess | undefined;

  constructor(supervisor: Supervisor, recipe: Recipe, launch: Launch, endpoint: ServerEndpoint) {
    this.#supervisor = supervisor;
    this.#recipe = recipe;
    this.#launch = launch;
    this.#endpoint = endpoint;
  }

  get endpoint(): ServerEndpoint {
    return this.#endpoint;
  }

  get pid(): number | undefined {
    return this.#main?.pid;
  }

  async start(): Promise<void> {
    if (this.#main) throw new Error(`${this.#recipe.kind} is already running`);
    await this.#startCompanion();
    const main = await this.#supervisor.run(this.#launch.main);
    this.#main = main;
    let ended: ProcessExit | undefined;
    void main.exited.then((exit) => {
      ended = exit;
      if (this.#main === main) this.#main = undefined;
    });
    const identity = await pollUntil(() => this.#recipe.probe(this.#launch.addresses), {
      timeoutMs: READY_TIMEOUT_MS,
      intervalMs: POLL_INTERVAL_MS,
      what: this.#recipe.kind,
      giveUp: () =>
        ended ? new Error(`${this.#recipe.kind} ended while starting: ${lastWords(main.logFile)}`) : undefined,
    });
    this.#endpoint = { ...this.#endpoint, ...identity };
  }

  async kill(): Promise<void> {
    const main = this.#main;
    if (!main) return;
    await main.end();
    this.#main = undefined;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async pause(): Promise<void> {
    await this.#main?.signal('SIGSTOP');
  }

  async resume(): Promise<void> {
    await this.#main?.signal('SIGCONT');
  }

  /** Ends everything of a server that did not come up, so that another source can be tried. */
  async abandon(): Promise<void> {
    await this.kill();
    await this.#companion?.end();
    this.#companion = undefined;
  }

  async #startCompanion(): Promise<void> {
    const spec = this.#launch.companion;
    if (!spec || this.#companion) return;
    this.#companion = await this.#supervisor.run(spec);
    await pollUntil(() => accepts(spec.port), { timeoutMs: 10_000, intervalMs: 10, what: spec.name });
  }
}

function accepts(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

function lastWords(logFile: string): string {
  const text = existsSync(logFile) ? readFileSync(logFile, 'utf8').trim() : '';
  return text === '' ? 'it wrote nothing' : text.split('\n').slice(-3).join(' | ').slice(-400);
}
