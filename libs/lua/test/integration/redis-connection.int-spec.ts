import { TcpProxy, eventually, useRedisDatabase } from '@coupon/testing';
import { RedisConnection } from '../../src';

const database = useRedisDatabase();
const lines: string[] = [];
let proxy: Awaited<ReturnType<typeof TcpProxy.inFrontOf>>;
let connection: RedisConnection;

beforeEach(async () => {
  lines.length = 0;
  proxy = await TcpProxy.inFrontOf(database.url);
  connection = new RedisConnection(proxy.url, {
    ...{ name: 'redis', server: 'the claim Redis', maxReconnectDelayMs: 20 },
    logger: { warn: (_, message) => void lines.push(message) },
  });
});

afterEach(async () => {
  connection.close();
  // The proxy resets what is still open, and the log would have that, too.
  await eventually(() => connection.client.status === 'end');
  await proxy.stop();
});

const CANNOT_BE_USED = 'the claim Redis cannot be used';

/** Three more attempts to connect have failed. */
async function failures(): Promise<void> {
  let seen = 0;
  connection.client.on('reconnecting', () => {
    seen += 1;
  });
  await eventually(() => seen >= 3);
}
const answer = () => eventually(async () => expect(await connection.client.ping()).toBe('PONG'));

it('starts without its server, says so once, and is there when the server is', async () => {
  proxy.setMode('refuse');
  await connection.start();
  await failures();
  expect([...lines].sort()).toEqual(['no connection to the claim Redis yet', CANNOT_BE_USED]);
  proxy.setMode('pass');
  await answer();
});

it('says again that the server has gone, each time once', async () => {
  await connection.start();
  await answer();
  expect(lines).toEqual([]);
  for (let losses = 1; losses <= 2; losses += 1) {
    proxy.setMode('refuse');
    proxy.cut();
    await failures();
    expect(lines).toEqual(Array.from({ length: losses }, () => CANNOT_BE_USED));
    proxy.setMode('pass');
    await answer();
  }
});
