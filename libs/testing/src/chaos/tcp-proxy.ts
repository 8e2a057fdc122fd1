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
}

/** A TCP proxy on 127.0.0.1 in front of a server, whose network can be made worse while connections are open. */
export class TcpProxy {
  readonly #server: Server;
  #target: { host: string; port: number };
  readonly #pairs = new Set<Pair>();
  #mode: ProxyMode = 'pass';
  #droppedBytes = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(target: { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
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

  /** New connections go to the server of `url` from now on; open ones stay where they are, as after a failover behind a name. */
  leadTo(url: string): void {
    const { hostname, port } = new URL(url);
    this.#target = { host: hostname, port: Number(port) };
  }

  /** Resets every open connection, on both sides. New ones are accepted according to the mode. */
  cut(): void {
    for (const { client, upstream } of this.#pairs) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
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
    const pair = { client, upstream };
    this.#pairs.add(pair);
    const close = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', close); // the other side sees a closed connection, as it would without a proxy
      socket.on('close', close);
    }
    client.on('data', (bytes: Buffer) => this.#forward(bytes, upstream, this.#mode !== 'half-open'));
    upstream.on('data', (bytes: Buffer) => this.#forward(bytes, client, this.#mode === 'pass'));
  }

  #forward(bytes: Buffer, to: Socket, open: boolean): void {
    if (open) to.write(bytes);
    else this.#droppedBytes += bytes.length;
  }
}
