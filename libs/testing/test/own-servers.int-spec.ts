import { Redis } from 'ioredis';
import { eventually, useOwnServers } from '../src';

describe('useOwnServers', () => {
  const own = useOwnServers(['redis']);

  it('gives a server that survives kill -9 with its data, on the same address', async () => {
    const { url } = own.endpoints.redis;
    const client = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
    client.on('error', () => undefined); // the kill is on purpose
    try {
      await client.set('key', 'value');
      await own.servers.redis.kill();
      await eventually(() => client.status !== 'ready');
      await own.servers.redis.start();
      expect(own.endpoints.redis.url).toBe(url);
      expect(await client.get('key')).toBe('value');
    } finally {
      client.disconnect();
    }
  });
});
