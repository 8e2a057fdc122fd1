import { createServer } from 'node:net';

/**
 * Below the ports that Linux gives to outgoing connections (from 32768): such a connection must never sit on the port of a server that
 * was killed and is to be started again.
 */
const FIRST_PORT = 22_000;
const LAST_PORT = 31_999;
const ATTEMPTS = 200;

/** Hands out loopback ports that are free now, each only once. */
export class PortAllocator {
  readonly #given = new Set<number>();

  constructor(
    private readonly random: () => number = Math.random,
    private readonly isFree: (port: number) => Promise<boolean> = portIsFree,
  ) {}

  async next(): Promise<number> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const port = FIRST_PORT + Math.floor(this.random() * (LAST_PORT - FIRST_PORT + 1));
      if (this.#given.has(port)) continue;
      this.#given.add(port);
      if (await this.isFree(port)) return port;
    }
    throw new Error(`no free port between ${FIRST_PORT} and ${LAST_PORT}`);
  }
}

export function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
