import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SERVER_KINDS } from '../types';
import type { ServerEndpoint, ServerKind } from '../types';

/** Environment variable through which test processes find the coordinator: its URL, token included. */
export const COORDINATOR_VARIABLE = 'COUPON_TEST_COORDINATOR';

/** Gives one kind of server to a test run; called at most once for each kind unless it fails. */
export interface TestServerProvider {
  provide(kind: ServerKind): Promise<ServerEndpoint>;
  stop(): Promise<void>;
}

export interface TestCoordinator {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Shares servers between all processes of a test run. A server is started when the first spec asks for it, so a run of unit tests starts
 * none, and every later spec, in whatever worker, gets the same one.
 */
export async function startTestCoordinator(provider: TestServerProvider): Promise<TestCoordinator> {
  const token = randomBytes(16).toString('hex');
  const started = new Map<ServerKind, Promise<ServerEndpoint>>();
  const need = (kind: ServerKind): Promise<ServerEndpoint> => {
    const known = started.get(kind);
    if (known) return known;
    const starting = provider.provide(kind);
    started.set(kind, starting);
    starting.catch(() => started.delete(kind)); // the next spec may ask again
    return starting;
  };
  const server = createServer((request, response) => void answer(request, response, token, need));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/${token}`,
    stop: async () => {
      await close(server);
      await Promise.allSettled(started.values());
      await provider.stop();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  token: string,
  need: (kind: ServerKind) => Promise<ServerEndpoint>,
): Promise<void> {
  const [, givenToken, kindText] = (request.url ?? '').split('/');
  const kind = SERVER_KINDS.find((known) => known === kindText);
  const reply = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  if (givenToken !== token || !kind) return reply(404, { message: 'unknown path' });
  try {
    reply(200, await need(kind));
  } catch (error) {
    reply(503, { message: error instanceof Error ? error.message : String(error) });
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
