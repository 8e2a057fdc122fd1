import { Metadata, status } from '@grpc/grpc-js';
import type { CallOptions, ClientUnaryCall, ServiceError } from '@grpc/grpc-js';
import type { CreateTemplateRequest } from '@coupon/contracts';
import { eventually } from '@coupon/testing';
import { inMs, newKey, useAdmin } from './fixture';

const admin = useAdmin(() => ({ SCHEDULE_INTERVAL_MS: '60000' }));

type Method<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

function call<Request, Response>(method: Method<Request, Response>, request: Request, key?: string): Promise<Response> {
  const metadata = new Metadata();
  if (key !== undefined) metadata.set('idempotency-key', key);
  return new Promise((resolve, reject) => {
    method.call(admin.client, request, metadata, {}, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

const template = (over: Partial<CreateTemplateRequest> = {}): CreateTemplateRequest => ({
  name: 'by gRPC',
  type: 2,
  discountType: 2,
  discountValue: '20.00',
  totalCount: 10,
  validStartTime: inMs(-60_000),
  validEndTime: inMs(86_400_000),
  applicableGoods: '[1,"9007199254740993"]',
  maxDiscount: '5.5',
  status: 1,
  ...over,
});

it('carries the parameters of types 4 and 5 as JSON', async () => {
  const { maxDiscount: _, ...base } = template({ status: 0, type: 5, discountType: 1, discountValue: '0' });
  const created = await call(admin.client.createCouponTemplate, {
    ...base,
    ruleArgs: '{"buy_quantity":2,"get_quantity":1}',
  });
  expect(JSON.parse(created.ruleArgs ?? '')).toEqual({ buy_quantity: 2, get_quantity: 1 });
  const changed = await call(admin.client.updateCouponTemplate, {
    ...{ id: created.id, version: 1, type: 4 },
    ruleArgs: '{"tiers":[{"min_amount":100,"discount_value":"20"}]}',
  });
  expect(JSON.parse(changed.ruleArgs ?? '')).toEqual({ tiers: [{ min_amount: '100.00', discount_value: '20.00' }] });
  const none = await call(admin.client.updateCouponTemplate, {
    ...{ id: created.id, version: 2, type: 1, discountValue: '5' },
    ruleArgs: 'null',
  });
  expect([none.ruleArgs, none.version]).toEqual([undefined, 3]);
  await expect(
    call(admin.client.createCouponTemplate, { ...base, ruleArgs: '{"buy_quantity":' }),
  ).rejects.toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringContaining('rule_args') as string });
});

it('creates, changes, reads and lists templates', async () => {
  const created = await call(admin.client.createCouponTemplate, template());
  expect(created).toMatchObject({
    discountValue: '20.00',
    maxDiscount: '5.50',
    applicableGoods: '["1","9007199254740993"]',
    applicableCategories: undefined,
    perUserLimit: 1,
    stackable: true,
    status: 1,
    statusName: 'published',
    version: 1,
  });
  const changed = await call(admin.client.updateCouponTemplate, {
    id: created.id,
    version: 1,
    name: 'renamed',
    applicableGoods: 'null',
  });
  expect(changed).toMatchObject({ name: 'renamed', applicableGoods: undefined, version: 2 });
  expect(await call(admin.client.getCouponTemplate, { id: created.id })).toEqual(changed);
  const second = await call(admin.client.createCouponTemplate, template());
  const page = await call(admin.client.listCouponTemplates, { type: 2, status: 1, pageSize: 1, pageToken: '' });
  expect(page.templates.map((one) => one.id)).toEqual([second.id]);
  const next = await call(admin.client.listCouponTemplates, { type: 2, pageSize: 1, pageToken: page.nextPageToken });
  expect([next.templates.map((one) => one.id), next.nextPageToken]).toEqual([[created.id], '']);
});

it('starts a sale and tells how it stands', async () => {
  const id = await admin.activity({ total_count: 10 });
  expect(await call(admin.client.getFlashSale, { activityId: id })).toMatchObject({ status: 1, statusName: 'pending' });
  const started = await call(admin.client.startFlashSale, { activityId: id });
  expect(started).toMatchObject({
    activityId: id,
    status: 2,
    statusName: 'running',
    totalCount: '10',
    remainingCount: '10',
  });
  await admin.win(id, '77');
  expect(await call(admin.client.getFlashSale, { activityId: id })).toMatchObject({
    successCount: '1',
    remainingCount: '9',
  });
  const coupons = await call(admin.client.getUserCoupons, { userId: '77', pageSize: 10, pageToken: '' });
  expect(coupons.coupons).toMatchObject([
    { userId: '77', activityId: id, source: 'flash_sale', statusName: 'unused', slot: 1 },
  ]);
});

it('loads an activity ahead of its start, once, and says who did', async () => {
  const id = await admin.activity({ total_count: 10 });
  const loaded = await call(admin.client.prewarmFlashSale, { activityId: id });
  expect(loaded).toMatchObject({ activityId: id, status: 1, statusName: 'pending', totalCount: '10' });
  // Open with its start in the future: it opens by the clock of Redis.
  expect(await admin.store.snapshot(id)).toMatchObject({ state: 'open', total: 10, available: 10 });
  expect(await call(admin.client.prewarmFlashSale, { activityId: id })).toEqual(loaded);
  const audit = await admin.call('GET', `/api/v1/audit?entity=flash_sale_activity&entity_id=${id}`);
  expect(audit.body.items.map(({ action }) => action)).toEqual(['grpc.flash_sale.prewarm', 'flash_sale.create']);
});

it('says that a sale is over for good only when nothing will load it again', async () => {
  const id = await admin.activity();
  const over = async (): Promise<boolean | undefined> =>
    (await call(admin.client.getFlashSale, { activityId: id })).over;
  const set = (change: string): Promise<unknown> =>
    admin.database.query(`UPDATE flash_sale_activities SET ${change} WHERE id = ?`, [id]);
  expect(await over()).toBe(false);
  await call(admin.client.startFlashSale, { activityId: id });
  await set('status = 3');
  // Lost by Redis it would be rebuilt: its winners may still ask for their receipts.
  expect(await over()).toBe(false);
  await set('drained_at = UTC_TIMESTAMP(3)');
  expect(await over()).toBe(true);
  await set('archived_at = UTC_TIMESTAMP(3)');
  expect(await over()).toBe(true);
  const unloaded = await admin.activity();
  await admin.database.query('UPDATE flash_sale_activities SET status = 3 WHERE id = ?', [unloaded]);
  expect((await call(admin.client.getFlashSale, { activityId: unloaded })).over).toBe(true);
});

it('says that an activity awaits its start only while it is loaded and nothing is under way that could move it', async () => {
  const id = await admin.activity();
  const awaits = async (): Promise<boolean | undefined> =>
    (await call(admin.client.getFlashSale, { activityId: id })).awaitsStart;
  expect(await awaits()).toBe(false);
  await call(admin.client.prewarmFlashSale, { activityId: id });
  expect(await awaits()).toBe(true);
  const started = call(admin.client.startFlashSale, { activityId: id });
  // The row is new and the operation is there before Redis is changed.
  await eventually(async () => expect(await awaits()).toBe(false));
  expect((await started).statusName).toBe('running');
  expect(await awaits()).toBe(false);
  expect(
    await admin.database.query(
      'SELECT payload->>"$.heard_first" AS heard FROM operations WHERE activity_id = ? ORDER BY id',
      [id],
    ),
  ).toEqual([{ heard: 'false' }, { heard: 'true' }]);
});

it('writes once per idempotency key', async () => {
  const key = newKey();
  const request = template();
  const [first, second] = await Promise.all([
    call(admin.client.createCouponTemplate, request, key),
    call(admin.client.createCouponTemplate, request, key),
  ]);
  expect(second).toEqual(first);
  await expect(call(admin.client.createCouponTemplate, template({ name: 'other' }), key)).rejects.toMatchObject({
    code: status.FAILED_PRECONDITION,
  });
});

it.each<[string, () => Promise<unknown>, status]>([
  [
    'a wrong field',
    () => call(admin.client.createCouponTemplate, template({ discountValue: '-1' })),
    status.INVALID_ARGUMENT,
  ],
  [
    'goods that are no JSON',
    () => call(admin.client.createCouponTemplate, template({ applicableGoods: '[1' })),
    status.INVALID_ARGUMENT,
  ],
  ['an id of 0', () => call(admin.client.getCouponTemplate, { id: '0' }), status.INVALID_ARGUMENT],
  [
    'a negative page size',
    () => call(admin.client.listCouponTemplates, { pageSize: -1, pageToken: '' }),
    status.INVALID_ARGUMENT,
  ],
  ['a template nobody knows', () => call(admin.client.getCouponTemplate, { id: '999999' }), status.NOT_FOUND],
  [
    'loading an activity nobody knows',
    () => call(admin.client.prewarmFlashSale, { activityId: '999999' }),
    status.NOT_FOUND,
  ],
  ['an activity nobody knows', () => call(admin.client.getFlashSale, { activityId: '999999' }), status.NOT_FOUND],
  [
    'a discount for an order without lines',
    () => call(admin.client.calculateDiscount, { userId: '1', couponIds: [], orderItems: [], shippingFee: 0 }),
    status.INVALID_ARGUMENT,
  ],
  [
    'coupons for an order without lines',
    () => call(admin.client.getAvailableCouponsForOrder, { userId: '1', orderItems: [], shippingFee: 0 }),
    status.INVALID_ARGUMENT,
  ],
])('answers %s with its status', async (_name, work, code) => {
  await expect(work()).rejects.toMatchObject({ code });
});
