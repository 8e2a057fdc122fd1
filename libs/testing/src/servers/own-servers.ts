import { startServers } from '@coupon/servers';
import type { RunningServers, ServerEndpoint, ServerHandle, ServerKind } from '@coupon/servers';
import { PROVISION_TIMEOUT_MS } from './test-servers';

/** Private servers of one describe block that a test may kill and start again; kind by kind like `RunningServers`. */
export interface OwnServers<K extends ServerKind> {
  readonly endpoints: Readonly<Record<K, ServerEndpoint>>;
  readonly servers: Readonly<Record<K, ServerHandle>>;
}

/**
 * Starts private servers for the surrounding describe block: for tests that kill -9 a server and start it again on the same port and
 * data, or change its settings. They come from this machine (Docker, local programs, unpacked packages), never from a URL of the environment.
 */
export function useOwnServers<K extends ServerKind>(need: readonly K[]): OwnServers<K> {
  let current: RunningServers<K> | undefined;
  const get = (): RunningServers<K> => {
    if (!current) throw new Error('own servers exist only while hooks and tests run');
    return current;
  };
  beforeAll(async () => {
    current = await startServers({ need, purpose: 'test', sources: ['docker', 'local', 'unpacked', 'installed'] });
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
