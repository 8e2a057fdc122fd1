import { join } from 'node:path';
import type { StartedTestContainer } from 'testcontainers';
import { pollUntil } from '../poll';
import type { Recipe } from '../recipes/recipe';
import { Supervisor } from '../supervisor/supervisor';
import type { ServerEndpoint } from '../types';

const REPOSITORY = join(__dirname, '..', '..', '..', '..');
const READY_TIMEOUT_MS = 120_000;
const HOST_GATEWAY = { host: 'host.docker.internal', ipAddress: 'host-gateway' };
const RUN_LABEL = 'coupon.test-run';

/** What the containers of one test run share. */
export interface TestContainerContext {
  readonly labels: Readonly<Record<string, string>>;
  readonly started: StartedTestContainer[];
  stop(): Promise<void>;
}

/**
 * Prepares Testcontainers for the engine of `env`. Its settings are environment variables of this process, read when the package is first
 * loaded: it is imported only after this.
 */
export async function openTestContainerContext(options: {
  env: NodeJS.ProcessEnv;
  reaper: boolean;
  /** Where published ports are; Testcontainers guesses wrong inside a container that runs an engine of its own. */
  publishedOn?: string;
}): Promise<TestContainerContext> {
  const { env } = options;
  const supervisor = await Supervisor.start({ parent: join(REPOSITORY, '.run'), purpose: 'containers' });
  const run = supervisor.directory;
  if (env['DOCKER_HOST'] !== undefined) process.env['DOCKER_HOST'] = env['DOCKER_HOST'];
  if (!options.reaper) process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  if (options.publishedOn !== undefined) process.env['TESTCONTAINERS_HOST_OVERRIDE'] = options.publishedOn;
  process.env['TMPDIR'] = run; // its lock file would stay in the system's directory
  const remove = `docker ps --all --quiet --filter label=${RUN_LABEL}=${run} | xargs -r docker rm --force --volumes`;
  await supervisor.addCleanup('sh', ['-c', remove], definedOnly(env));
  const started: StartedTestContainer[] = [];
  return {
    labels: { [RUN_LABEL]: run },
    started,
    stop: async () => {
      await Promise.allSettled(
        started.map((container) => container.stop({ timeout: 0, remove: true, removeVolumes: true })),
      );
      await supervisor.stop();
    },
  };
}

/** Starts the image with the settings of the recipe and resolves when the server in it answers. */
export async function startTestContainer(
  recipe: Recipe,
  image: string,
  context: TestContainerContext,
): Promise<ServerEndpoint> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const launch = recipe.container();
  const definition = new GenericContainer(image)
    .withEnvironment({ ...launch.env })
    .withExposedPorts(...launch.containerPorts)
    .withLabels({ ...context.labels })
    .withStartupTimeout(READY_TIMEOUT_MS)
    .withWaitStrategy(Wait.forListeningPorts());
  if (launch.command.length > 0) definition.withCommand([...launch.command]);
  if (launch.callsHost === true) definition.withExtraHosts([HOST_GATEWAY]);
  const container = await definition.start();
  context.started.push(container);
  const host = container.getHost() === 'localhost' ? '127.0.0.1' : container.getHost();
  const urls = launch.urls(
    launch.containerPorts.map((port) => container.getMappedPort(port)),
    host,
  );
  const identity = await pollUntil(() => recipe.probe(urls), {
    timeoutMs: READY_TIMEOUT_MS,
    intervalMs: 100,
    what: `the container of ${image}`,
  });
  return { kind: recipe.kind, source: 'docker', ...urls, ...identity };
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
