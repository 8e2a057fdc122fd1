import { createVhost } from '@coupon/testing';
import { AmqpConnection } from '../../src';
import type { MessagingLogger } from '../../src';
import { TcpProxy } from './tcp-proxy';

export const silentLogger: MessagingLogger = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A virtual host of its own on the broker of the tests, reached through a proxy. */
export interface TestBroker {
  /** Through the proxy. */
  readonly url: string;
  readonly proxy: TcpProxy;
  connection(name?: string): AmqpConnection;
  close(): Promise<void>;
}

export async function startTestBroker(): Promise<TestBroker> {
  const vhost = await createVhost();
  const direct = new URL(vhost.url);
  const proxy = new TcpProxy({ host: direct.hostname, port: Number(direct.port || 5672) });
  const port = await proxy.start();
  const proxied = new URL(direct);
  proxied.hostname = '127.0.0.1';
  proxied.port = String(port);
  const connections: AmqpConnection[] = [];
  return {
    url: proxied.toString(),
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
      await vhost.remove();
    },
  };
}
