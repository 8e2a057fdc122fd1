import { aTemplate, eventually } from '@coupon/testing';
import { newKey, useAdmin } from './fixture';

// The service between its servers: what still works without Redis, what it says without MySQL, and that it recovers by itself.

const admin = useAdmin(
  () => ({
    SCHEDULE_INTERVAL_MS: '50',
    OPERATION_WAIT_MS: '500',
    OPERATION_LEASE_MS: '1000',
    REDIS_COMMAND_TIMEOUT_MS: '300',
    MYSQL_ACQUIRE_TIMEOUT_MS: '300',
  }),
  () => ({}),
  { proxied: true },
);
const fail = (server: 'redis' | 'mysql'): void => {
  admin.proxies[server].setMode('refuse');
  admin.proxies[server].cut();
};
const heal = (server: 'redis' | 'mysql'): void => {
  admin.proxies[server].setMode('pass');
};
const BASE = '/api/v1/flash-sales';

describe('without Redis', () => {
  afterEach(async () => {
    heal('redis');
    await eventually(async () => {
      expect((await admin.call('GET', '/health')).body).toMatchObject({ status: 'ok' });
    });
  });

  it('still manages templates and says that it is degraded', async () => {
    fail('redis');
    await eventually(async () => {
      expect(await admin.call('GET', '/health')).toMatchObject({
        status: 200,
        body: { status: 'degraded', checks: { redis: { status: 'unhealthy' }, mysql: { status: 'healthy' } } },
      });
    });
    expect((await admin.call('POST', '/api/v1/coupon-templates', aTemplate())).status).toBe(201);
  });

  it('keeps a start until Redis is back, and the repeated key learns how it ended', async () => {
    const id = await admin.activity({ total_count: 10 });
    fail('redis');
    const key = { 'idempotency-key': newKey() };
    const unknown = await admin.call('POST', `${BASE}/${id}/start`, {}, key);
    expect([unknown.status, unknown.body.code]).toEqual([504, 'OUTCOME_UNKNOWN']);
    expect((await admin.call('GET', `${BASE}/${id}`)).body.status_name).toBe('pending');
    heal('redis');
    await eventually(async () => {
      expect((await admin.call('GET', `${BASE}/${id}`)).body.status_name).toBe('running');
    });
    await eventually(async () => {
      expect(await admin.call('POST', `${BASE}/${id}/start`, {}, key)).toMatchObject({
        status: 200,
        body: { status_name: 'running' },
      });
    });
    expect(await admin.store.snapshot(id)).toMatchObject({ state: 'open', total: 10 });
  });

  it('releases nothing, and changes nothing', async () => {
    const id = await admin.activity({ total_count: 10 });
    await admin.call('POST', `${BASE}/${id}/start`);
    const claimId = await admin.win(id, '4');
    fail('redis');
    const refused = await admin.call('POST', `/api/v1/claims/${claimId}/release`, { reason: 'r' });
    expect([refused.status, refused.body.code]).toEqual([503, 'NOT_READY']);
    const rows = await admin.database.query('SELECT status, slot FROM user_coupons WHERE claim_id = ?', [claimId]);
    expect(rows).toEqual([{ status: 1, slot: 1 }]);
    expect((await admin.call('GET', `${BASE}/${id}/reconciliation`)).body.code).toBe('NOT_READY');
  });
});

describe('without MySQL', () => {
  it('is not ready, says so, and recovers', async () => {
    const id = await admin.activity();
    fail('mysql');
    const refused = await admin.call('GET', `${BASE}/${id}`);
    expect([refused.status, refused.body.code]).toEqual([503, 'NOT_READY']);
    const write = await admin.call('POST', '/api/v1/coupon-templates', aTemplate());
    expect([write.status, write.body.code]).toEqual([503, 'NOT_READY']);
    expect((await admin.call('GET', '/health/ready')).status).toBe(503);
    heal('mysql');
    await eventually(async () => {
      expect((await admin.call('GET', `${BASE}/${id}`)).status).toBe(200);
    });
  });
});
