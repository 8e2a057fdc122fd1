import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import { connect } from 'node:net';
import { createHttpServer } from './http-server';
import type { HttpServer } from './http-server';

const servers: HttpServer[] = [];
const agents: Agent[] = [];

async function serve(handler: RequestListener): Promise<HttpServer> {
  const server = createHttpServer({ handler, host: '127.0.0.1', port: 0 });
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
