import { startServers } from '../start-servers';
import type { RunningServers, ServerEndpoint, ServerKind } from '../types';
import type { TestServerProvider } from './test-coordinator';

/** Servers for a test run through the usual sources, started one kind at a time as specs ask for them. */
export function testServers(options: { log: (line: string) => void; env: NodeJS.ProcessEnv }): TestServerProvider {
  const runs: RunningServers[] = [];
  return {
    async provide(kind: ServerKind): Promise<ServerEndpoint> {
      const run = await startServers({ need: [kind], purpose: 'test', log: options.log, env: options.env });
      runs.push(run);
      return run.endpoints[kind];
    },
    async stop() {
      await Promise.all(runs.map((run) => run.stop()));
    },
  };
}
