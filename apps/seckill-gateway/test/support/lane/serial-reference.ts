import { Duplex } from 'node:stream';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpServer } from '@coupon/service-kit';

export interface SerialResult {
  /** Everything the server wrote. */
  readonly text: string;
  /** Answers written before the client's end was told. */
  readonly textBeforeEnd: string;
  /** The server closed the connection with bytes of the client unread. */
  readonly unread: boolean;
  /** The server closed the connection before the client ended its side. */
  readonly closedFirst: boolean;
  /** The client has asked for an upgrade. */
  readonly upgrade: boolean;
}

/**
 * What node:http says to a client that sends byte by byte and stops sending while it has an answer to get. So no request is parsed before
 * those in front of it are answered: the meaning of the stream without the effects of how it was cut and when it arrived.
 */
export async function serialReference(http: HttpServer, bytes: Buffer): Promise<SerialResult> {
  const client = new SerialSocket();
  const open = new Set<ServerResponse>();
  let requests = 0;
  let upgrade = false;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    requests += 1;
    upgrade ||= request.headers.upgrade !== undefined;
    open.add(response);
    response.once('close', () => open.delete(response));
  };
  http.server.prependListener('request', onRequest);
  http.server.emit('connection', client);
  await settled(client, open);
  let at = 0;
  for (; at < bytes.length && !client.closing; at += 1) {
    const before = requests;
    client.push(bytes.subarray(at, at + 1));
    // Inside a body only now and then: an answer that does not wait for its end is rare.
    if (requests > before || isDue(open) || (open.size > 0 && at % 64 === 0)) await settled(client, open);
  }
  await settled(client, open);
  const textBeforeEnd = client.text;
  const closedFirst = client.closing;
  if (!client.destroyed) {
    client.push(null);
    client.read(0);
    await client.gone;
  }
  http.server.removeListener('request', onRequest);
  return { text: client.text, textBeforeEnd, unread: at < bytes.length, closedFirst, upgrade };
}

/** Resolves when the server has answered every request that is complete. */
async function settled(client: SerialSocket, open: ReadonlySet<ServerResponse>): Promise<void> {
  for (;;) {
    // Long enough for an answer that does not wait for the body.
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    if (!isDue(open) || client.destroyed) return;
  }
}

/** A request is complete and has no answer yet. */
function isDue(open: ReadonlySet<ServerResponse>): boolean {
  for (const response of open) if (response.req.complete) return true;
  return false;
}

class SerialSocket extends Duplex {
  text = '';
  /** The server has ended or destroyed the connection. */
  closing = false;
  readonly gone: Promise<void>;
  readonly remoteAddress = '127.0.0.1';

  constructor() {
    super({ allowHalfOpen: true, emitClose: true });
    this.gone = new Promise((resolve) => this.once('close', resolve));
    this.on('error', () => undefined);
  }

  destroySoon(): void {
    this.closing = true;
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  override _read(): void {
    // Bytes are pushed as the reference goes on.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('latin1');
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.closing = true;
    done(error);
  }
}
