import { eventually, useOwnServers } from '@coupon/testing';
import { HandMadeReplica } from '../support/hand-made-replica';
import { useGateway } from './fixture';

const own = useOwnServers(['redis'], { arguments: { redis: ['--repl-diskless-sync-delay', '0'] } });
let replica: HandMadeReplica | undefined;
beforeAll(async () => {
  replica = await HandMadeReplica.follow(own.endpoints.redis.url);
});
afterAll(() => replica?.leave());
const gateway = useGateway(() => ({ DURABILITY_MODE: 'replicated', REPLICA_WAIT_TIMEOUT_MS: '200' }), {
  get url() {
    return own.endpoints.redis.url;
  },
});

describe('durability mode replicated', () => {
  test('a win that a replica has is answered; one that no replica has is OUTCOME_UNKNOWN, and its key tells later', async () => {
    const activity_id = await gateway.open({ total: 5 });
    const kept = await gateway.buy({ activity_id, user_id: 1 });
    expect(kept.status).toBe(200);

    if (replica === undefined) throw new Error('no replica');
    replica.acknowledging = false;
    const key = { 'idempotency-key': 'k-2' };
    const unknown = await gateway.buy({ activity_id, user_id: 2 }, key);
    expect([unknown.status, unknown.body.code]).toEqual([504, 'OUTCOME_UNKNOWN']);
    // The earlier win was replicated, but this answer says so only for what it can show.
    expect((await gateway.buy({ activity_id, user_id: 1 })).body.code).toBe('OUTCOME_UNKNOWN');

    // Nor is it told in another way; who has none needs no replica to hear so.
    const purchased = (user: number): string => `/api/v1/seckill/purchased/${activity_id}/${user}`;
    expect(await gateway.get(purchased(2))).toMatchObject({ status: 503, body: { code: 'NOT_READY' } });
    expect(await gateway.get(purchased(3))).toMatchObject({ status: 200, body: { purchased: false } });

    replica.acknowledging = true;
    await eventually(async () => {
      expect(await gateway.get(purchased(2))).toMatchObject({ status: 200, body: { count: 1 } });
    });
    await eventually(async () => {
      const learnt = await gateway.buy({ activity_id, user_id: 2 }, key);
      expect(learnt.body).toMatchObject({ success: true, replayed: true });
    });
    expect(await gateway.store.snapshot(activity_id)).toMatchObject({ claimed: 2, available: 3 });
  }, 30_000);

  test('a refusal needs no replica', async () => {
    const activity_id = await gateway.open({ total: 1 });
    expect((await gateway.buy({ activity_id, user_id: 1 })).status).toBe(200);
    if (replica === undefined) throw new Error('no replica');
    replica.acknowledging = false;
    expect((await gateway.buy({ activity_id, user_id: 2 })).body.code).toBe('SOLD_OUT');
    replica.acknowledging = true;
  });

  test('without its replicas the gateway is not ready', async () => {
    await replica?.leave();
    replica = undefined;
    await eventually(async () => {
      const { status, body } = await gateway.get('/health/ready');
      expect(status).toBe(503);
      expect(JSON.stringify(body)).toContain('0 of 1 replicas are connected');
    });
  });
});
