import type { Redis } from 'ioredis';
import { TcpProxy, eventually, useRedisDatabase } from '@coupon/testing';
import { meansNothingHappened } from '../../src/ambiguity';
import { createClaimRedis } from '../../src/claim-redis';

const database = useRedisDatabase();

describe('invariant 4: the claim connection', () => {
  let proxy: TcpProxy & { readonly url: string };
  let redis: Redis;
  let witness: Redis;

  beforeEach(async () => {
    proxy = await TcpProxy.inFrontOf(database.url);
    redis = createClaimRedis(proxy.url, { commandTimeoutMs: 60_000, maxReconnectDelayMs: 20 });
    // Every broken connection is told to nobody else in this spec.
    redis.on('error', () => undefined);
    witness = createClaimRedis(database.url);
    await Promise.all([redis.connect(), witness.connect()]);
    await witness.del('n');
  });
  afterEach(async () => {
    redis.disconnect();
    witness.disconnect();
    await proxy.stop();
  });

  const failureOf = (command: Promise<unknown>): Promise<unknown> =>
    command.then(
      (reply) => ({ reply }),
      (error: unknown) => error,
    );
  const backAgain = (): Promise<void> =>
    eventually(async () => {
      expect(await redis.ping()).toBe('PONG');
    });

  test('keeps nothing for later while there is no connection: the command fails at once, unsent', async () => {
    proxy.setMode('refuse');
    proxy.cut();
    await eventually(() => {
      expect(redis.status).not.toBe('ready');
    });
    const error = await failureOf(redis.incr('n'));
    expect(meansNothingHappened(error)).toBe(true);
    proxy.setMode('pass');
    await backAgain();
    expect(await witness.get('n')).toBeNull();
  });

  test('sends nothing twice: what was on its way when the connection broke fails and stays unknown', async () => {
    proxy.setMode('drop-replies');
    const lost = failureOf(redis.incr('n'));
    await eventually(async () => {
      expect(await witness.get('n')).toBe('1');
    });
    let settled = false;
    void lost.then(() => {
      settled = true;
    });
    proxy.setMode('pass');
    proxy.cut();
    await eventually(() => {
      expect(settled).toBe(true);
    });
    const error = await lost;
    expect(error).toBeInstanceOf(Error);
    expect(meansNothingHappened(error)).toBe(false);
    await backAgain();
    expect(await witness.get('n')).toBe('1');
  });
});
