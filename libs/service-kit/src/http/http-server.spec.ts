import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { createHttpServer } from './http-server';
import type { HttpFront, HttpServer, HttpServerOptions } from './http-server';

const servers: HttpServer[] = [];
const agents: Agent[] = [];

async function serve(handler: RequestListener, options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  const server = createHttpServer({ handler, host: '127.0.0.1', port: 0, ...options });
  servers.push(server);
  await server.listen();
  return server;
}

function get(port: number, agent: Agent): Promise<{ response: IncomingMessage; body: string }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, agent }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        resolve({ response, body });
      });
    })
      .on('error', reject)
      .end();
  });
}

function keepAlive(): Agent {
  const agent = new Agent({ keepAlive: true });
  agents.push(agent);
  return agent;
}

afterEach(async () => {
  agents.splice(0).forEach((agent) => {
    agent.destroy();
  });
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('HttpServer', () => {
  it('listens on a free port and says which', async () => {
    const server = await serve((_request, response) => response.end('ok'));
    expect(server.port).toBeGreaterThan(0);
    expect((await get(server.port, keepAlive())).body).toBe('ok');
  });

  it('rejects when the port is taken', async () => {
    const { port } = await serve((_request, response) => response.end());
    const second = createHttpServer({ handler: () => undefined, host: '127.0.0.1', port });
    await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await second.close();
  });

  it('drains: finishes the request in hand, then closes its keep-alive connection, and refuses new connections', async () => {
    let finish = (): void => undefined;
    const entered = new Promise<void>((resolveEntered) => {
      void serve((_request, response) => {
        finish = () => response.end('late');
        resolveEntered();
      });
    });
    await new Promise((resolve) => setImmediate(resolve));
    const [server] = servers as [HttpServer];
    if (server.port === 0) await once(server.server, 'listening');
    const { port } = server;
    const answer = get(port, keepAlive());
    await entered;
    server.stopIntake();
    const drained = server.drain();
    const refused = connect(port, '127.0.0.1');
    await expect(once(refused, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    finish();
    expect((await answer).body).toBe('late');
    await drained;
  });

  it('does not wait for idle keep-alive connections', async () => {
    const server = await serve((_request, response) => response.end('ok'));
    await get(server.port, keepAlive());
    await server.drain();
  });

  it('cuts what is left when the drain is aborted', async () => {
    const server = await serve(() => undefined);
    const answer = get(server.port, keepAlive());
    const failed = expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
    await once(server.server, 'request');
    const abort = new AbortController();
    const drained = server.drain(abort.signal);
    abort.abort();
    await drained;
    await failed;
  });

  it('closes twice without complaint, and before it ever listened', async () => {
    const server = await serve((_request, response) => response.end());
    await server.close();
    await server.close();
    await createHttpServer({ handler: () => undefined, host: '127.0.0.1', port: 0 }).close();
  });
});

/** Says this, ends its side, and returns all that it hears. */
async function say(port: number, text: string, end = true): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  if (end) socket.end(text);
  else socket.write(text);
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  await once(socket, 'close');
  return heard;
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

describe('HttpServer and clients that end their side', () => {
  const later: RequestListener = (_request, response) => {
    setImmediate(() => setImmediate(() => response.end('late')));
  };

  it('drops the answer by default, like node:http', async () => {
    const server = await serve(later);
    expect(await say(server.port, GET)).toBe('');
  });

  it('answers all of their requests with answerHalfClosed, and then closes', async () => {
    const server = await serve(later, { answerHalfClosed: true });
    expect((await say(server.port, GET + GET)).match(/late/g)).toHaveLength(2);
    expect(await say(server.port, '')).toBe('');
    expect(await say(server.port, 'GET / HT')).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('HttpServer and slow requests', () => {
  it.each([
    ['headers', 'GET / HT'],
    ['body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1'],
  ])('gives up on %s that do not arrive', async (_, text) => {
    const server = await serve(() => undefined, { headersTimeoutMs: 50, requestTimeoutMs: 50, timeoutCheckMs: 20 });
    expect(await say(server.port, text, false)).toMatch(/^HTTP\/1\.1 408 /);
  });
});

/** Keeps every connection until the spec gives it to node:http. */
class KeepingFront implements HttpFront {
  readonly calls: string[] = [];
  readonly kept: { socket: Socket; toHttp: () => void }[] = [];

  accept(socket: Socket, toHttp: (socket: Socket) => void): void {
    this.calls.push('accept');
    socket.on('error', () => undefined);
    this.kept.push({
      socket,
      toHttp: () => {
        toHttp(socket);
      },
    });
  }

  stopIntake(): void {
    this.calls.push('stopIntake');
  }

  close(): void {
    this.calls.push('close');
    for (const { socket } of this.kept) socket.destroy();
  }
}

describe('HttpServer with a front', () => {
  const withFront = async (handler: RequestListener = (_request, response) => response.end('ok')) => {
    const front = new KeepingFront();
    const server = await serve(handler, { front });
    const client = async (): Promise<{ client: Socket; entry: KeepingFront['kept'][number] }> => {
      const before = front.kept.length;
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      while (front.kept.length === before) await new Promise((resolve) => setImmediate(resolve));
      const entry = front.kept[before];
      if (entry === undefined) throw new Error('no connection');
      return { client: socket, entry };
    };
    return { front, server, client };
  };

  it('shows it every connection, and node:http none that it keeps', async () => {
    let requests = 0;
    const { front, client } = await withFront((_request, response) => {
      requests += 1;
      response.end('ok');
    });
    const { client: socket, entry } = await client();
    socket.write(GET);
    const [chunk] = (await once(entry.socket, 'data')) as [Buffer];
    expect([chunk.toString(), front.calls, requests]).toEqual([GET, ['accept'], 0]);
  });

  it('serves a connection that is given to node:http, with the bytes that were pushed back, in order and for good', async () => {
    const urls: (string | undefined)[] = [];
    const { client } = await withFront((request, response) => {
      urls.push(request.url);
      response.end('ok');
    });
    const { client: socket, entry } = await client();
    socket.write('GET /first HTTP/1.1\r\nHo');
    const [chunk] = (await once(entry.socket, 'data')) as [Buffer];
    entry.socket.pause();
    entry.socket.removeAllListeners('data');
    entry.socket.unshift(chunk);
    entry.toHttp();
    entry.socket.resume();
    socket.write('st: x\r\n\r\n');
    await once(socket, 'data');
    socket.write('GET /second HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    expect(urls).toEqual(['/first', '/second']);
    socket.destroy();
  });

  it('asks it to end with the intake, waits for its connections, and cuts them with the close', async () => {
    const { front, server, client } = await withFront();
    const { entry } = await client();
    server.stopIntake();
    expect(front.calls).toEqual(['accept', 'stopIntake']);
    let drained = false;
    const drain = server.drain().then(() => (drained = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(drained).toBe(false);
    entry.socket.destroy();
    await drain;
    await server.close();
    expect(front.calls).toEqual(['accept', 'stopIntake', 'close']);
  });

  it('cuts its connections when the drain is aborted', async () => {
    const { front, server, client } = await withFront();
    await client();
    const abort = new AbortController();
    const drained = server.drain(abort.signal);
    abort.abort();
    await drained;
    expect(front.calls).toEqual(['accept', 'stopIntake', 'close']);
  });

  it('cuts its connections when it is closed at once', async () => {
    const { front, server, client } = await withFront();
    const { client: socket } = await client();
    const gone = once(socket, 'close');
    await server.close();
    await gone;
    expect(front.calls).toEqual(['accept', 'stopIntake', 'close']);
  });
});
