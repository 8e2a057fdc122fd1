import { useRedisDatabase } from '@coupon/testing';
import type { Redis } from 'ioredis';
import { createClaimRedis } from '../../src/claim-redis';
import { FlowSettingsStore } from '../../src/flow-settings-store';
import type { WriteFlowSettingsResult } from '../../src/flow-settings-store';

const database = useRedisDatabase();
let redis: Redis;
beforeAll(async () => {
  redis = createClaimRedis(database.url);
  await redis.connect();
});
afterAll(() => redis.disconnect());

describe('FlowSettingsStore', () => {
  test('stores settings under the next version, and only for who knows the last one', async () => {
    const store = new FlowSettingsStore(redis);
    expect(await store.read()).toBeNull();
    expect(await store.write(1, '{"a":0}', 'operator')).toEqual({ kind: 'conflict', version: 0 });
    expect(await store.write(0, '{"a":1}', 'operator')).toEqual({ kind: 'stored', version: 1 });
    expect(await store.write(0, '{"a":2}', 'operator')).toEqual({ kind: 'conflict', version: 1 });
    expect(await store.read()).toEqual({
      version: 1,
      body: '{"a":1}',
      updatedMs: expect.any(Number) as number,
      updatedBy: 'operator',
    });
    expect(await store.write(1, '{"a":3}', 'operator')).toEqual({ kind: 'stored', version: 2 });
    expect(await store.read()).toMatchObject({ version: 2, body: '{"a":3}' });
  });

  test('stores a change once, however often it is repeated, until another one is stored', async () => {
    const store = new FlowSettingsStore(redis);
    const before = (await store.read())?.version ?? 0;
    const write = (id: string, version: number, body: string): Promise<WriteFlowSettingsResult> =>
      store.write(version, body, 'operator', id);
    expect(await write('one', before, '{"b":1}')).toEqual({ kind: 'stored', version: before + 1 });
    expect(await write('one', before, '{"b":1}')).toEqual({ kind: 'stored', version: before + 1 });
    expect(await store.read()).toMatchObject({ version: before + 1, body: '{"b":1}' });
    expect(await write('two', before + 1, '{"b":2}')).toEqual({ kind: 'stored', version: before + 2 });
    expect(await write('one', before, '{"b":1}')).toEqual({ kind: 'conflict', version: before + 2 });
    expect(await store.read()).toMatchObject({ body: '{"b":2}' });
  });

  test('of writers at the same moment one wins', async () => {
    const store = new FlowSettingsStore(redis);
    const before = (await store.read())?.version ?? 0;
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store.write(before, `{"n":${i}}`, 'operator')),
    );
    expect(results.filter(({ kind }) => kind === 'stored')).toHaveLength(1);
    expect((await store.read())?.version).toBe(before + 1);
  });

  test('refuses to store nothing, and to read what is not settings', async () => {
    const store = new FlowSettingsStore(redis);
    await expect(store.write(0, '', 'operator')).rejects.toThrow('unexpected reply');
    await redis.hset('coupon:flow:settings', 'version', 'x');
    await expect(store.read()).rejects.toThrow('unexpected reply');
  });
});
