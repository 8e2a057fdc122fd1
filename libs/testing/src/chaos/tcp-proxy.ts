import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/**
 * - pass: bytes flow both ways;
 * - drop-replies: what the client sends arrives, what the server answers does not: the work is done and nobody learns it;
 * - half-open: connections stay up, no byte arrives anywhere, as behind a dead router;
 * - refuse: new connections are closed at once.
 */
export type ProxyMode = 'pass' | 'drop-replies' | 'half-open' | 'refuse';

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  delayMs: number;
  /** What the client has sent and the server has not got yet, in order. */
  readonly late: { readonly bytes: Buffer; readonly dueMs: number }[];
  timer: NodeJS.Timeout | undefined;
}

export interface TcpProxyOptions {
  /** Where it listens; from a container it is reached over another interface. @default 127.0.0.1 */
  readonly host?: string;
}

/** A TCP proxy on 127.0.0.1 in front of a server, whose network can be made worse while connections are open. */
export class TcpProxy {
  readonly #server: Server;
  #target: { host: string; port: number };
  readonly #pairs = new Set<Pair>();
  #mode: ProxyMode = 'pass';
  #droppedBytes = 0;
  #delay: () => number = () => 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(
    target: { host: string; port: number },
    { host = '127.0.0.1' }: TcpProxyOptions = {},
  ): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, host, resolve);
    });
    return proxy;
  }

  /** A proxy in front of the server of `url`; `urlThrough` of it is the same URL through the proxy. */
  static async inFrontOf(url: string): Promise<TcpProxy & { readonly url: string }> {
    const parsed = new URL(url);
    const proxy = await TcpProxy.start({ host: parsed.hostname, port: Number(parsed.port) });
    parsed.hostname = '127.0.0.1';
    parsed.port = String(proxy.port);
    return Object.assign(proxy, { url: parsed.toString() });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Bytes that were swallowed so far. */
  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Applies to open and to new connections from the next byte on. */
  setMode(mode: ProxyMode): void {
    this.#mode = mode;
  }

  /**
   * What clients send arrives so much later, in milliseconds, from now on; asked once per connection, open ones included unless they are to
   * keep what they have. What a client has sent before it hung up still arrives.
   */
  setDelay(delayMs: () => number, { openOnesKeepTheirs = false } = {}): void {
    this.#delay = delayMs;
    if (openOnesKeepTheirs) return;
    for (const pair of this.#pairs) pair.delayMs = delayMs();
  }

  /** New connections go to the server of `url` from now on; open ones stay where they are, as after a failover behind a name. */
  leadTo(url: string): void {
    const { hostname, port } = new URL(url);
    this.#target = { host: hostname, port: Number(port) };
  }

  /** Resets every open connection, on both sides. New ones are accepted according to the mode. */
  cut(): void {
    for (const { client, upstream, timer, late } of this.#pairs) {
      clearTimeout(timer);
      late.length = 0;
      reset(client);
      reset(upstream);
    }
    this.#pairs.clear();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket): void {
    if (this.#mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(this.#target);
    const pair: Pair = { client, upstream, delayMs: this.#delay(), late: [], timer: undefined };
    this.#pairs.add(pair);
    const close = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.#closed(pair, socket, close)); // the other side sees a closed connection, as it would without a proxy
      socket.on('close', () => this.#closed(pair, socket, close));
    }
    client.on('data', (bytes: Buffer) => this.#receive(pair, bytes));
    upstream.on('data', (bytes: Buffer) => this.#forward(bytes, client, this.#mode === 'pass'));
  }

  #closed(pair: Pair, socket: Socket, close: () => void): void {
    if (socket === pair.client && pair.late.length > 0 && !pair.upstream.destroyed) return;
    clearTimeout(pair.timer);
    close();
  }

  #receive(pair: Pair, bytes: Buffer): void {
    if (pair.delayMs === 0 && pair.late.length === 0) {
      this.#forward(bytes, pair.upstream, this.#mode !== 'half-open');
      return;
    }
    pair.late.push({ bytes, dueMs: performance.now() + pair.delayMs });
    if (pair.late.length === 1) this.#deliverLate(pair);
  }

  #deliverLate(pair: Pair): void {
    const [next] = pair.late;
    if (next === undefined) {
      if (pair.client.destroyed) pair.upstream.end();
      return;
    }
    pair.timer = setTimeout(
      () => {
        pair.late.shift();
        if (!pair.upstream.destroyed) this.#forward(next.bytes, pair.upstream, this.#mode !== 'half-open');
        this.#deliverLate(pair);
      },
      Math.max(0, next.dueMs - performance.now()),
    );
  }

  #forward(bytes: Buffer, to: Socket, open: boolean): void {
    if (open) to.write(bytes);
    else this.#droppedBytes += bytes.length;
  }
}

/** A socket that is being ended cannot be reset any more: Node fails to and leaves it open, and the process does not end. */
function reset(socket: Socket): void {
  if (socket.readableEnded || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
