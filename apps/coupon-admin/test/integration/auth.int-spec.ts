import { SignJWT } from 'jose';
import { callUnary } from '@coupon/service-kit';
import { useAdmin } from './fixture';
import type { Answer } from './fixture';

const SECRET = 'a secret of at least thirty-two bytes';
const admin = useAdmin(() => ({ AUTH_MODE: 'jwt', AUTH_HS256_SECRET: SECRET, SCHEDULE_INTERVAL_MS: '60000' }));

async function token(sub: string, role?: string): Promise<Record<string, string>> {
  const jwt = await new SignJWT(role === undefined ? {} : { role })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(SECRET));
  return { authorization: `Bearer ${jwt}` };
}

const get = async (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  admin.call('GET', path, undefined, headers);

it('lets nobody in without a token, and nobody write without the role', async () => {
  expect((await get('/api/v1/coupon-templates')).status).toBe(401);
  const user = await token('5');
  expect((await get('/api/v1/coupon-templates', user)).status).toBe(200);
  for (const [method, path] of [
    ['POST', '/api/v1/coupon-templates'],
    ['PATCH', '/api/v1/coupon-templates/1'],
    ['POST', '/api/v1/coupon-templates/1/publish'],
    ['POST', '/api/v1/coupon-templates/1/grant'],
    ['POST', '/api/v1/flash-sales'],
    ['POST', '/api/v1/flash-sales/1/start'],
    ['POST', '/api/v1/flash-sales/1/stock'],
    ['GET', '/api/v1/flash-sales/1/reconciliation'],
    ['POST', '/api/v1/claims/01J00000000000000000000000/release'],
    ['GET', '/api/v1/audit'],
    ['GET', '/api/v1/flow-settings'],
    ['PATCH', '/api/v1/flow-settings'],
  ] as const) {
    const refused = await admin.call(method, path, method === 'GET' ? undefined : {}, user);
    expect([path, refused.status, refused.body.code]).toEqual([path, 403, 'PERMISSION_DENIED']);
  }
});

it('lets a user claim and read for nobody else', async () => {
  const mine = await token('5');
  const claim = (userId: string, headers: Record<string, string>): Promise<Answer> =>
    admin.call('POST', '/api/v1/coupon-templates/999/claim', { user_id: userId }, headers);
  expect((await claim('6', mine)).status).toBe(403);
  expect((await claim('5', mine)).status).toBe(404);
  expect((await get('/api/v1/users/5/coupons', mine)).status).toBe(200);
  expect((await get('/api/v1/users/6/coupons', mine)).status).toBe(403);
  expect((await get('/api/v1/users/6/coupons/count', mine)).status).toBe(403);
  expect((await get('/api/v1/users/6/coupons/sn/history', mine)).status).toBe(403);
  expect((await get('/api/v1/users/5/coupons/sn/history', mine)).status).toBe(404);
  expect((await get('/api/v1/users/6/coupons', await token('staff-1', 'operator'))).status).toBe(200);
});

it('counts an Idempotency-Key per caller', async () => {
  const body = {
    name: 'x',
    type: 1,
    discount_type: 1,
    discount_value: 1,
    total_count: 1,
    valid_start_time: '2026-01-01T00:00:00Z',
    valid_end_time: '2030-01-01T00:00:00Z',
  };
  const create = async (who: string): Promise<string> => {
    const headers = { ...(await token(who, 'operator')), 'idempotency-key': 'same' };
    return (await admin.call('POST', '/api/v1/coupon-templates', body, headers)).body.id;
  };
  const [ann, again, bob] = [await create('ann'), await create('ann'), await create('bob')];
  expect(again).toBe(ann);
  expect(bob).not.toBe(ann);
});

it('asks for the same over gRPC, and tells anybody about an activity', async () => {
  const start = admin.client.startFlashSale.bind(admin.client);
  const ask = admin.client.getFlashSale.bind(admin.client);
  const settings = { deadlineMs: 5_000 };
  const { authorization = '' } = await token('5');
  await expect(callUnary(start, { activityId: '1' }, settings)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(callUnary(start, { activityId: '1' }, { ...settings, authorization })).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
  });
  const load = admin.client.prewarmFlashSale.bind(admin.client);
  await expect(callUnary(load, { activityId: '1' }, { ...settings, authorization })).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
  });
  await expect(callUnary(ask, { activityId: '1' }, settings)).rejects.toMatchObject({ code: 'ACTIVITY_NOT_FOUND' });
});
