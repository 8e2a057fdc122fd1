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

  it('gives a server that can be paused: connected, silent, and going on where it was', async () => {
    const client = new Redis(own.endpoints.redis.url, { maxRetriesPerRequest: null });
    try {
      await client.set('key', 'before');
      await own.servers.redis.pause();
      const silent = client.set('key', 'during').then(() => 'answered');
      const timeout = new Promise<string>((resolve) => setTimeout(() => resolve('silent'), 200));
      expect(await Promise.race([silent, timeout])).toBe('silent');
      expect(client.status).toBe('ready');
      await own.servers.redis.resume();
      expect(await silent).toBe('answered');
      expect(await client.get('key')).toBe('during');
      // Whoever cleans up need not know whether it was paused.
      await own.servers.redis.resume();
    } finally {
      client.disconnect();
    }
  });
});
