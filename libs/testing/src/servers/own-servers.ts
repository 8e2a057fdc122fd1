import { OWN_PROCESS_SOURCES, startServers } from '@coupon/servers';
import type { RunningServers, ServerEndpoint, ServerHandle, ServerKind } from '@coupon/servers';
import { PROVISION_TIMEOUT_MS, testEngine } from './test-servers';

/** Private servers of one describe block that a test may kill and start again; kind by kind like `RunningServers`. */
export interface OwnServers<K extends ServerKind> {
  readonly endpoints: Readonly<Record<K, ServerEndpoint>>;
  readonly servers: Readonly<Record<K, ServerHandle>>;
}

export interface OwnServersOptions {
  /** Added to a server's command line, for settings that can only be made at the start. */
  readonly arguments?: Readonly<Partial<Record<ServerKind, readonly string[]>>>;
  /** Added to the environment of a process of this machine; DTM's settings, in a container too. */
  readonly environment?: Readonly<Partial<Record<ServerKind, Readonly<Record<string, string>>>>>;
}

/**
 * Starts private servers for the surrounding describe block: for tests that kill -9 a server and start it again on the same port and
 * data, or change its settings. They are containers where the
 * run has an engine, processes of this machine otherwise; never a URL of the environment.
 */
export function useOwnServers<K extends ServerKind>(
  need: readonly K[],
  options: OwnServersOptions = {},
): OwnServers<K> {
  let current: RunningServers<K> | undefined;
  const get = (): RunningServers<K> => {
    if (!current) throw new Error('own servers exist only while hooks and tests run');
    return current;
  };
  beforeAll(async () => {
    current = await startOwnServers(need, options);
  }, PROVISION_TIMEOUT_MS);
  afterAll(async () => {
    await current?.stop();
    current = undefined;
  });
  return {
    get endpoints() {
      return get().endpoints;
    },
    get servers() {
      return get().servers;
    },
  };
}

/** The same without hooks: whoever starts them stops them. */
export async function startOwnServers<K extends ServerKind>(
  need: readonly K[],
  options: OwnServersOptions = {},
): Promise<RunningServers<K>> {
  const engines = await Promise.all(need.map(async (kind) => [kind, await testEngine(kind)] as const));
  const dockerHost = engines[0]?.[1]?.dockerHost;
  const inContainers = engines.every(([, engine]) => engine !== null);
  return startServers({
    need,
    purpose: 'test',
    arguments: options.arguments ?? {},
    environment: options.environment ?? {},
    sources: inContainers ? ['docker'] : OWN_PROCESS_SOURCES,
    images: Object.fromEntries(engines.flatMap(([kind, engine]) => (engine ? [[kind, engine.image]] : []))),
    env: { ...process.env, ...(typeof dockerHost === 'string' ? { DOCKER_HOST: dockerHost } : {}) },
  });
}
