import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpServer } from '@coupon/service-kit';
import { MemorySocket, turns } from './memory-socket';

export interface SerialResult {
  /** Everything the server wrote. */
  readonly text: string;
  /** Answers written before the client's end was told. */
  readonly textBeforeEnd: string;
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
  const client = new MemorySocket();
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
  for (let at = 0; at < bytes.length && !client.closing; at += 1) {
    const before = requests;
    client.receive(bytes.subarray(at, at + 1));
    // Inside a body only now and then: an answer that does not wait for its end is rare.
    if (requests > before || isDue(open) || (open.size > 0 && at % 64 === 0)) await settled(client, open);
  }
  await settled(client, open);
  const textBeforeEnd = client.text;
  const closedFirst = client.closing;
  if (!client.destroyed) {
    client.receiveEnd();
    await client.gone;
  }
  http.server.removeListener('request', onRequest);
  return { text: client.text, textBeforeEnd, closedFirst, upgrade };
}

/** Resolves when the server has answered every request that is complete. */
async function settled(client: MemorySocket, open: ReadonlySet<ServerResponse>): Promise<void> {
  for (;;) {
    // Long enough for an answer that does not wait for the body.
    await turns(3);
    if (!isDue(open) || client.destroyed) return;
  }
}

/** A request is complete and has no answer yet. */
function isDue(open: ReadonlySet<ServerResponse>): boolean {
  for (const response of open) if (response.req.complete) return true;
  return false;
}
