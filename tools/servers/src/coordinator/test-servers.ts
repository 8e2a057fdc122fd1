import { RECIPES } from '../recipes/recipes';
import { startServers } from '../start-servers';
import { OWN_PROCESS_SOURCES } from '../types';
import type { ServerEndpoint, ServerKind } from '../types';
import { findTestEngine } from './test-engine';
import type { FoundEngine } from './test-engine';
import { startTestContainer } from './test-container';
import type { TestContainerContext } from './test-container';
import type { TestEngine, TestServerProvider } from './test-coordinator';

export interface TestServersOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly log: (line: string) => void;
}

/**
 * Servers for a test run: a URL of the environment, else Testcontainers, else servers of this machine; each choice is printed.
 * TEST_SERVERS=local never uses containers, TEST_SERVERS=containers uses nothing else. CONTAINER_ENGINE=install, or CI, starts a private
 * engine where none answers. TEST_IMAGE_MYSQL, TEST_IMAGE_REDIS, TEST_IMAGE_RABBITMQ, TEST_IMAGE_DTM name other images.
 */
export function testServers(options: TestServersOptions): TestServerProvider {
  const { env, log } = options;
  const runs: { stop(): Promise<void> }[] = [];
  let containers: Promise<TestContainers | undefined> | undefined;
  const findContainers = (): Promise<TestContainers | undefined> => (containers ??= TestContainers.find(options));

  const local = async (kind: ServerKind, fromEnvironment: boolean): Promise<ServerEndpoint> => {
    const sources = fromEnvironment ? (['environment'] as const) : OWN_PROCESS_SOURCES;
    const run = await startServers({ need: [kind], purpose: 'test', log, env, sources });
    runs.push(run);
    return run.endpoints[kind];
  };

  return {
    async provide(kind) {
      if (env[RECIPES[kind].variable]) return local(kind, true);
      const found = await findContainers();
      return (await found?.start(kind)) ?? local(kind, false);
    },
    async engine(kind): Promise<TestEngine> {
      const found = await findContainers();
      return (await found?.engineFor(kind)) ?? null;
    },
    async stop() {
      await Promise.all(runs.map((run) => run.stop()));
      await (await containers)?.stop();
    },
  };
}

/** The container side of a test run. */
class TestContainers {
  readonly #images = new Map<ServerKind, Promise<string>>();
  readonly #context: Promise<TestContainerContext>;

  private constructor(
    private readonly options: TestServersOptions,
    private readonly engine: FoundEngine,
    private readonly required: boolean,
  ) {
    this.#context = engine.testContainerContext();
  }

  /** Undefined, after one line that says why, where containers are not to be had or not wanted. */
  static async find(options: TestServersOptions): Promise<TestContainers | undefined> {
    const wanted = options.env['TEST_SERVERS'];
    if (wanted === 'local') {
      options.log('no containers (TEST_SERVERS=local): integration tests use servers of this machine');
      return undefined;
    }
    const engine = await findTestEngine(options);
    if (!('unavailable' in engine)) return new TestContainers(options, engine, wanted === 'containers');
    if (wanted === 'containers') throw new Error(`TEST_SERVERS=containers, but ${engine.unavailable}.`);
    options.log(`no containers (${engine.unavailable}): integration tests use servers of this machine`);
    return undefined;
  }

  async start(kind: ServerKind): Promise<ServerEndpoint | undefined> {
    try {
      const image = await this.#image(kind);
      const endpoint = await startTestContainer(RECIPES[kind], image, await this.#context);
      this.options.log(`${kind.padEnd(9)} ${endpoint.version.padEnd(18)} Testcontainers, image ${image}`);
      return endpoint;
    } catch (error) {
      return this.#giveUp(kind, error);
    }
  }

  async engineFor(kind: ServerKind): Promise<TestEngine> {
    try {
      return { dockerHost: this.engine.dockerHost, image: await this.#image(kind) };
    } catch (error) {
      this.#giveUp(kind, error);
      return null;
    }
  }

  async stop(): Promise<void> {
    const context = await Promise.allSettled([this.#context]);
    for (const outcome of context) if (outcome.status === 'fulfilled') await outcome.value.stop();
    await this.engine.stop();
  }

  #image(kind: ServerKind): Promise<string> {
    const known = this.#images.get(kind) ?? this.engine.image(kind);
    this.#images.set(kind, known);
    return known;
  }

  #giveUp(kind: ServerKind, error: unknown): undefined {
    const message = error instanceof Error ? error.message : String(error);
    if (this.required)
      throw new Error(`TEST_SERVERS=containers, but ${kind} has no container: ${message}`, { cause: error });
    this.options.log(`${kind.padEnd(9)} no container (${message}): a server of this machine is used`);
    return undefined;
  }
}
