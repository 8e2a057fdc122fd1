import { randomUUID } from 'node:crypto';
import { AmqpConnection } from '../../src';
import type { MessagingLogger } from '../../src';
import { TcpProxy } from './tcp-proxy';

export const silentLogger: MessagingLogger = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A virtual host of its own on the broker of the tests, reached through a proxy. */
export interface TestBroker {
  /** Through the proxy. */
  readonly url: string;
  readonly directUrl: string;
  readonly proxy: TcpProxy;
  connection(name?: string): AmqpConnection;
  close(): Promise<void>;
}

export async function startTestBroker(): Promise<TestBroker> {
  const amqp = new URL(process.env['AMQP_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672');
  const management = new URL(process.env['RABBITMQ_MANAGEMENT_URL'] ?? 'http://guest:guest@127.0.0.1:15672');
  const vhost = `t-${randomUUID()}`;
  await manage(management, 'PUT', `/api/vhosts/${vhost}`);
  await manage(management, 'PUT', `/api/permissions/${vhost}/${amqp.username}`, {
    configure: '.*',
    write: '.*',
    read: '.*',
  });
  const proxy = new TcpProxy({ host: amqp.hostname, port: Number(amqp.port || 5672) });
  const port = await proxy.start();
  const direct = new URL(amqp);
  direct.pathname = `/${vhost}`;
  const proxied = new URL(direct);
  proxied.hostname = '127.0.0.1';
  proxied.port = String(port);
  const connections: AmqpConnection[] = [];
  return {
    url: proxied.toString(),
    directUrl: direct.toString(),
    proxy,
    connection: (name = 'test') => {
      const connection = new AmqpConnection({
        url: proxied.toString(),
        name,
        logger: silentLogger,
        minDelayMs: 20,
        maxDelayMs: 200,
      });
      connections.push(connection);
      return connection;
    },
    close: async () => {
      await Promise.all(connections.map((connection) => connection.close()));
      await proxy.close();
      await manage(management, 'DELETE', `/api/vhosts/${vhost}`);
    },
  };
}

async function manage(base: URL, method: string, path: string, body?: unknown): Promise<void> {
  const credentials = Buffer.from(`${base.username}:${base.password}`).toString('base64');
  const response = await fetch(new URL(path, `${base.protocol}//${base.host}`), {
    method,
    headers: { authorization: `Basic ${credentials}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}
