import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SERVER_KINDS } from '../types';
import type { ServerEndpoint, ServerKind } from '../types';

/** What a spec needs to start containers of its own; null where there is no container engine. */
export type TestEngine = { readonly dockerHost: string | null; readonly image: string } | null;

/** Gives servers to a test run. Each method is called once for each kind unless it fails. */
export interface TestServerProvider {
  provide(kind: ServerKind): Promise<ServerEndpoint>;
  /** The engine with the image of `kind` in it. */
  engine(kind: ServerKind): Promise<TestEngine>;
  stop(): Promise<void>;
}

export interface TestCoordinator {
  /** For the environment variable COUPON_TEST_COORDINATOR of the test processes; contains the token. */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Shares servers between all processes of a test run. A server is started when the first spec asks for it, so a run of unit tests starts
 * none, and every later spec, in whatever worker, gets the same one.
 * GET /<token>/server/<kind> answers a ServerEndpoint, GET /<token>/engine/<kind> a TestEngine; 503 `{message}` when it cannot be had.
 */
export async function startTestCoordinator(provider: TestServerProvider): Promise<TestCoordinator> {
  const token = randomBytes(16).toString('hex');
  const servers = new Once((kind) => provider.provide(kind));
  const engines = new Once((kind) => provider.engine(kind));
  const http = createServer((request, response) => {
    const [, givenToken, what, kindText] = (request.url ?? '').split('/');
    const kind = SERVER_KINDS.find((known) => known === kindText);
    const source = what === 'server' ? servers : what === 'engine' ? engines : undefined;
    if (givenToken !== token || !kind || !source) reply(response, 404, { message: 'unknown path' });
    else void answer(response, source.get(kind));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  http.unref();
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/${token}`,
    stop: async () => {
      await close(http);
      await Promise.allSettled([...servers.all(), ...engines.all()]);
      await provider.stop();
    },
  };
}

async function answer(response: ServerResponse, value: Promise<unknown>): Promise<void> {
  try {
    reply(response, 200, await value);
  } catch (error) {
    reply(response, 503, { message: error instanceof Error ? error.message : String(error) });
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** One value per kind, made on first use; a failure may be tried again. */
class Once<T> {
  readonly #values = new Map<ServerKind, Promise<T>>();

  constructor(private readonly make: (kind: ServerKind) => Promise<T>) {}

  get(kind: ServerKind): Promise<T> {
    const known = this.#values.get(kind);
    if (known) return known;
    const value = this.make(kind);
    this.#values.set(kind, value);
    value.catch(() => this.#values.delete(kind));
    return value;
  }

  all(): Iterable<Promise<T>> {
    return this.#values.values();
  }
}
