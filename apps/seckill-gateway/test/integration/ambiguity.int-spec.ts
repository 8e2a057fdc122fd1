import { activityKeys } from '@coupon/lua';
import { TcpProxy, eventually, useRedisDatabase } from '@coupon/testing';
import { useGateway } from './fixture';
import type { Answer } from './fixture';

const database = useRedisDatabase();
let proxy: TcpProxy & { readonly url: string };

beforeAll(async () => {
  proxy = await TcpProxy.inFrontOf(database.url);
});
afterAll(async () => {
  await proxy.stop();
});

const gateway = useGateway(() => ({ CLAIM_REDIS_URL: proxy.url, REDIS_COMMAND_TIMEOUT_MS: '300' }), database);

/** Not by /health: its answer may be a quarter of a second old. */
const ready = async (): Promise<void> => {
  const activity_id = await gateway.open();
  await eventually(async () => {
    expect((await gateway.buy({ activity_id, user_id: 1 })).status).toBe(200);
  });
};

afterEach(async () => {
  proxy.setMode('pass');
  proxy.cut();
  await ready();
});

const code = (answer: Answer): [number, string | undefined] => [answer.status, answer.body.code];

describe('invariant 4: an outcome nobody knows is never guessed', () => {
  test('a claim that happened although its reply was lost is OUTCOME_UNKNOWN, and the same key brings the receipt', async () => {
    const activity_id = await gateway.open({ total: 5, perUserLimit: 3 });
    const key = { 'idempotency-key': 'lost-reply' };
    proxy.setMode('drop-replies');
    const lost = await gateway.buy({ activity_id, user_id: 1 }, key);
    expect(code(lost)).toEqual([504, 'OUTCOME_UNKNOWN']);
    expect(await gateway.store.snapshot(activity_id)).toMatchObject({ claimed: 1 });
    // Invariant 1: the unit is gone, and its event is there, although nobody has heard of it.
    expect(await gateway.redis.xlen(activityKeys(activity_id).outbox)).toBe(1);
    proxy.setMode('pass');
    proxy.cut();
    await ready();
    const known = await gateway.buy({ activity_id, user_id: 1 }, key);
    expect(known.body).toMatchObject({ success: true, replayed: true });
    expect(await gateway.store.snapshot(activity_id)).toMatchObject({ claimed: 1, eventSeq: 1 });
  });

  test('a claim that may not have arrived is OUTCOME_UNKNOWN, too, and nothing sends it a second time', async () => {
    const activity_id = await gateway.open({ total: 5 });
    proxy.setMode('half-open');
    const pending = gateway.buy({ activity_id, user_id: 1 });
    expect(code(await pending)).toEqual([504, 'OUTCOME_UNKNOWN']);
    proxy.cut();
    proxy.setMode('pass');
    await ready();
    expect(await gateway.store.snapshot(activity_id)).toMatchObject({ claimed: 0, eventSeq: 0 });
  });

  test('a connection that breaks with claims in flight answers all of them, none twice', async () => {
    const activity_id = await gateway.open({ total: 100 });
    proxy.setMode('drop-replies');
    const flying = Array.from({ length: 20 }, (_, i) => gateway.buy({ activity_id, user_id: i + 1 }));
    await eventually(async () => {
      expect((await gateway.store.snapshot(activity_id))?.claimed).toBeGreaterThan(0);
    });
    proxy.cut();
    const codes = (await Promise.all(flying)).map((answer) => answer.body.code);
    expect(codes.every((each) => each === 'OUTCOME_UNKNOWN' || each === 'NOT_READY')).toBe(true);
    expect(codes).toContain('OUTCOME_UNKNOWN');
  });

  test('without a connection the answer is 503 with Retry-After at once: nothing was sent', async () => {
    const activity_id = await gateway.open();
    proxy.setMode('refuse');
    proxy.cut();
    await eventually(async () => {
      const answer = await gateway.buy({ activity_id, user_id: 1 });
      expect(code(answer)).toEqual([503, 'NOT_READY']);
      expect(answer.headers['retry-after']).toBe('1');
    });
    expect(await gateway.store.snapshot(activity_id)).toMatchObject({ claimed: 0 });
  });

  test('a server that has forgotten the script is taught again: nothing had happened', async () => {
    const activity_id = await gateway.open();
    await gateway.redis.script('FLUSH');
    expect(code(await gateway.buy({ activity_id, user_id: 1 }))).toEqual([200, 'OK']);
  });
});
