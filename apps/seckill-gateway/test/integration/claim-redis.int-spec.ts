import { eventually, useOwnServers } from '@coupon/testing';
import { useGateway } from './fixture';

const own = useOwnServers(['redis']);
const gateway = useGateway(() => ({}), {
  get url() {
    return own.endpoints.redis.url;
  },
});

describe('a gateway and the Redis it claims on', () => {
  test('invariant 9: after a restart of Redis nothing is sold until the activity was verified; then nobody has lost a receipt', async () => {
    const activity_id = await gateway.open({ total: 5 });
    const first = await gateway.buy({ activity_id, user_id: 1 });
    expect(first.status).toBe(200);
    const before = await gateway.store.snapshot(activity_id);
    await own.servers.redis.restart();
    // The gateway comes back by itself, sees another run of Redis and keeps refusing, also those who have a receipt.
    await eventually(async () => {
      expect((await gateway.get('/health/ready')).status).toBe(200);
      const refused = await gateway.buy({ activity_id, user_id: 2 });
      expect([refused.status, refused.body.code]).toEqual([503, 'NOT_READY']);
    });
    expect((await gateway.buy({ activity_id, user_id: 1 })).status).toBe(503);
    await eventually(async () => {
      expect(await gateway.store.adoptRun(activity_id, { epoch: 1, verifiedRunId: before?.runId ?? '' })).toEqual({
        kind: 'adopted',
      });
    });
    // The health answer may have been old: the gateway's own connection may come back after the spec's.
    await eventually(async () => {
      const replay = await gateway.buy({ activity_id, user_id: 1 });
      expect(replay.body).toMatchObject({ claim_id: first.body.claim_id, replayed: true });
    });
    expect((await gateway.buy({ activity_id, user_id: 2 })).status).toBe(200);
    expect(await gateway.store.snapshot(activity_id)).toMatchObject({ claimed: 2, available: 3, eventSeq: 2 });
  }, 30_000);

  test('durability: a Redis that does not sync every write is not used in mode fsync, until it is set right', async () => {
    const activity_id = await gateway.open();
    await gateway.redis.config('SET', 'appendfsync', 'everysec');
    // It is looked at with every connect.
    await gateway.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await eventually(async () => {
      const { status, body } = await gateway.get('/health');
      expect(status).toBe(503);
      expect(JSON.stringify(body)).toContain('appendfsync=always (is everysec)');
    });
    expect((await gateway.buy({ activity_id, user_id: 1 })).body.code).toBe('NOT_READY');
    await gateway.redis.config('SET', 'appendfsync', 'always');
    await eventually(async () => {
      expect((await gateway.get('/health/ready')).status).toBe(200);
    });
  }, 30_000);
});
