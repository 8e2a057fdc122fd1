import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Component } from '../lifecycle/lifecycle';

export interface HttpServerOptions {
  /** An Express app or a plain handler. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Time for a request to arrive completely, milliseconds. @default 30000 */
  readonly requestTimeoutMs?: number;
}

/** How often connections that fell idle are closed during the drain. */
const IDLE_SWEEP_MS = 20;

/** A node:http server as a lifecycle component. */
export class HttpServer implements Component {
  readonly name = 'http';
  /** For what else shares the port (`upgrade`, `connection`). */
  readonly server: Server;
  private closed: Promise<void> | undefined;

  constructor(private readonly options: HttpServerOptions) {
    this.server = createServer(
      { requestTimeout: options.requestTimeoutMs ?? 30_000, headersTimeout: 10_000, keepAliveTimeout: 65_000 },
      options.handler,
    );
  }

  /** The port listened on; 0 before the start. */
  get port(): number {
    return (this.server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Listens; resolves with the port. @throws the bind error (EADDRINUSE, EACCES). */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, this.options.host, () => {
        this.server.removeListener('error', reject);
        resolve();
      });
    });
    return this.port;
  }

  async start(): Promise<void> {
    await this.listen();
  }

  /** Refuses new connections; requests on open ones are still answered, with `Connection: close`. */
  stopIntake(): void {
    if (this.closed !== undefined) return;
    if (!this.server.listening) {
      this.closed = Promise.resolve();
      return;
    }
    this.server.prependListener('request', (_request, response: ServerResponse) => {
      response.setHeader('Connection', 'close');
    });
    this.closed = new Promise((resolve) => {
      // Node closes a keep-alive connection that is idle now, but not one that becomes idle after its answer.
      const sweep = setInterval(() => {
        this.server.closeIdleConnections();
      }, IDLE_SWEEP_MS);
      this.server.close(() => {
        clearInterval(sweep);
        resolve();
      });
    });
  }

  async drain(signal?: AbortSignal): Promise<void> {
    this.stopIntake();
    const cut = (): void => {
      this.server.closeAllConnections();
    };
    if (signal?.aborted === true) cut();
    signal?.addEventListener('abort', cut, { once: true });
    await this.closed;
    signal?.removeEventListener('abort', cut);
  }

  /** Cuts every connection and waits until the port is free. Idempotent. */
  async close(): Promise<void> {
    this.stopIntake();
    this.server.closeAllConnections();
    await this.closed;
  }
}

export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new HttpServer(options);
}
