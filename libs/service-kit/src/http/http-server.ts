import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Component } from '../lifecycle/lifecycle';

/** Sees every connection before node:http and may serve it itself, for as long as it likes. */
export interface HttpFront {
  /** `toHttp` gives the connection to node:http for good; bytes that were read and not served are pushed back before (`unshift`). */
  accept(socket: Socket, toHttp: (socket: Socket) => void): void;
  /** Ends its idle connections, and the others with the answer they wait for. */
  stopIntake(): void;
  /** Cuts its connections. */
  close(): void;
}

export interface HttpServerOptions {
  /** An Express app or a plain handler. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Time for a request to arrive completely, milliseconds. @default 30000 */
  readonly requestTimeoutMs?: number;
  /** Time for the headers of a request to arrive completely, milliseconds. @default 10000 */
  readonly headersTimeoutMs?: number;
  /** How often the two timeouts are looked at, milliseconds. @default 30000 */
  readonly timeoutCheckMs?: number;
  /** Answer clients that end their sending side before they have their answers; node:http drops those answers. @default false */
  readonly answerHalfClosed?: boolean;
  readonly front?: HttpFront;
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
      {
        requestTimeout: options.requestTimeoutMs ?? 30_000,
        headersTimeout: options.headersTimeoutMs ?? 10_000,
        connectionsCheckingInterval: options.timeoutCheckMs ?? 30_000,
        keepAliveTimeout: 65_000,
      },
      options.handler,
    );
    // A property of node's server that has no option.
    Object.assign(this.server, { httpAllowHalfOpen: options.answerHalfClosed ?? false });
    if (options.front !== undefined) this.putInFront(options.front);
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
    this.options.front?.stopIntake();
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
      this.options.front?.close();
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
    this.options.front?.close();
    this.server.closeAllConnections();
    await this.closed;
  }

  /** node:http serves whatever is given to its `connection` event, which is documented for this. */
  private putInFront(front: HttpFront): void {
    const listeners = this.server.listeners('connection');
    this.server.removeAllListeners('connection');
    const toHttp = (socket: Socket): void => {
      for (const listener of listeners) listener.call(this.server, socket);
    };
    this.server.on('connection', (socket) => {
      front.accept(socket, toHttp);
    });
  }
}

export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new HttpServer(options);
}
