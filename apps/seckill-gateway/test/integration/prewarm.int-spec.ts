import { Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { SignJWT } from 'jose';
import { request } from 'undici';
import { CouponAdminService } from '@coupon/contracts';
import type { FlashSaleStatusResponse } from '@coupon/contracts';
import type { ActivityId, TemplateId } from '@coupon/domain';
import { uniqueActivityId } from '@coupon/testing';
import { useGateway } from './fixture';
import type { GatewayFixture } from './fixture';

const PATH = '/api/v1/seckill/activity/prewarm';
const SECRET = 'a secret of at least thirty-two bytes';
const START_MS = Date.now() + 3_600_000;

type Load = (id: ActivityId) => Promise<{ readonly statusName: string } | { readonly refuse: string }>;

/** coupon-admin as far as this route asks it. */
const admin = new Server();
let port = 0;
let load: Load;
const calls: { readonly id: string; readonly metadata: Metadata }[] = [];

beforeAll(async () => {
  const prewarmFlashSale = (
    { request: { activityId }, metadata }: ServerUnaryCall<{ activityId: string }, FlashSaleStatusResponse>,
    answer: sendUnaryData<FlashSaleStatusResponse>,
  ): void => {
    calls.push({ id: activityId, metadata });
    void load(activityId as ActivityId).then((result) => {
      if ('refuse' in result) {
        const why = new Metadata();
        why.set('x-error-code', result.refuse);
        answer({ code: status.FAILED_PRECONDITION, details: 'no', metadata: why });
        return;
      }
      answer(null, {
        activityId,
        status: 1,
        statusName: result.statusName,
        totalCount: '10',
        successCount: '0',
        remainingCount: '10',
        startTime: '',
        endTime: '',
      });
    });
  };
  admin.addService({ prewarmFlashSale: CouponAdminService.prewarmFlashSale }, { prewarmFlashSale });
  port = await new Promise((resolve, reject) => {
    admin.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
});
afterAll(() => admin.forceShutdown());
beforeEach(() => {
  calls.length = 0;
});

const gateway = useGateway(() => ({
  ADMIN_GRPC_ADDRESS: `127.0.0.1:${port}`,
  AUTH_MODE: 'jwt',
  AUTH_HS256_SECRET: SECRET,
}));
const behindProxy = useGateway(() => ({
  ADMIN_GRPC_ADDRESS: `127.0.0.1:${port}`,
  AUTH_MODE: 'edge',
  AUTH_TRUSTED_PROXIES: '127.0.0.1',
}));
const withoutAdmin = useGateway();

async function token(sub: string, role?: string): Promise<Record<string, string>> {
  const jwt = await new SignJWT(role === undefined ? {} : { role })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(SECRET));
  return { authorization: `Bearer ${jwt}` };
}

async function prewarm(
  on: GatewayFixture,
  body: unknown,
  headers: Record<string, string>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await request(`${on.url}${PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.statusCode, body: (await response.body.json()) as Record<string, unknown> };
}

const loadInto =
  (on: GatewayFixture): Load =>
  async (activityId) => {
    const definition = { activityId, templateId: '3' as TemplateId, perUserLimit: 2, total: 10, epoch: 1 };
    const window = { startMs: START_MS, endMs: START_MS + 3_600_000, userRatePerSecond: 0 };
    await on.store.prewarm({ ...definition, ...window });
    return { statusName: 'pending' };
  };

test('an operator has an activity loaded, and is told what the Redis that sells holds', async () => {
  load = loadInto(gateway);
  const activity_id = uniqueActivityId();
  const operator = await token('staff-1', 'operator');
  const loaded = await prewarm(gateway, { activity_id }, { ...operator, 'idempotency-key': 'k-1' });
  expect(loaded).toEqual({
    status: 200,
    body: {
      success: true,
      code: 'OK',
      message: 'the activity is loaded',
      activity_id,
      status: 'pending',
      total: 10,
      available: 10,
      claimed: 0,
      per_user_limit: 2,
      start_time: new Date(START_MS).toISOString(),
      end_time: new Date(START_MS + 3_600_000).toISOString(),
      epoch: 1,
    },
  });
  // coupon-admin judges the role by the operator's own token, and remembers the key.
  expect(
    calls.map(({ id, metadata }) => [id, ...metadata.get('authorization'), ...metadata.get('idempotency-key')]),
  ).toEqual([[activity_id, operator['authorization'], 'k-1']]);
});

test('nobody else has, and coupon-admin is not asked', async () => {
  const activity_id = uniqueActivityId();
  expect((await prewarm(gateway, { activity_id }, {})).status).toBe(401);
  const refused = await prewarm(gateway, { activity_id }, await token('5'));
  expect([refused.status, refused.body['code']]).toEqual([403, 'PERMISSION_DENIED']);
  expect(calls).toEqual([]);
});

test.each([
  [{}, 400, 'INVALID_ARGUMENT'],
  [{ activity_id: 0 }, 400, 'INVALID_ARGUMENT'],
  [[], 400, 'INVALID_ARGUMENT'],
  [{ product_id: 'x' }, 400, 'INVALID_ARGUMENT'],
  [{ product_id: 7, product_name: 'p', price: '1.00', stock: 3 }, 404, 'NOT_FOUND'],
])('%j is answered %i %s, and coupon-admin is not asked', async (body, code, name) => {
  const answer = await prewarm(gateway, body, await token('staff-1', 'operator'));
  expect([answer.status, answer.body['code']]).toEqual([code, name]);
  expect(calls).toEqual([]);
});

test.each([
  ['ACTIVITY_NOT_FOUND', 404],
  ['CONFLICT', 409],
  ['OUTCOME_UNKNOWN', 504],
])('what coupon-admin refuses with %s is refused with it', async (code, http) => {
  load = () => Promise.resolve({ refuse: code });
  const answer = await prewarm(gateway, { activity_id: uniqueActivityId() }, await token('staff-1', 'admin'));
  expect([answer.status, answer.body['code']]).toEqual([http, code]);
});

test.each([
  ['pending', 503, 'NOT_READY'],
  ['ended', 409, 'ENDED'],
])('an activity that is %s and not in this Redis is not called loaded', async (statusName, http, code) => {
  load = () => Promise.resolve({ statusName });
  const answer = await prewarm(gateway, { activity_id: uniqueActivityId() }, await token('staff-1', 'operator'));
  expect([answer.status, answer.body['code']]).toEqual([http, code]);
});

test('without coupon-admin it is safe to repeat', async () => {
  const answer = await prewarm(withoutAdmin, { activity_id: uniqueActivityId() }, {});
  expect([answer.status, answer.body['code']]).toEqual([503, 'NOT_READY']);
});

test('behind a proxy the gateway tells coupon-admin what the proxy has told it', async () => {
  load = loadInto(behindProxy);
  const activity_id = uniqueActivityId();
  const operator = { 'x-user-id': 'staff-1', 'x-user-role': 'operator' };
  expect((await prewarm(behindProxy, { activity_id }, operator)).status).toBe(200);
  expect((await prewarm(behindProxy, { activity_id }, { 'x-user-id': '5' })).status).toBe(403);
  expect(calls.map(({ metadata }) => [metadata.get('x-user-id')[0], metadata.get('x-user-role')[0]])).toEqual([
    ['staff-1', 'operator'],
  ]);
});
