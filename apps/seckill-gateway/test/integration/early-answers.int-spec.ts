import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { sendUnaryData } from '@grpc/grpc-js';
import { HeartbeatNotices } from '@coupon/cache-bus';
import { BINLOG_EXCHANGE, CouponAdminService, HEARTBEAT_TABLE } from '@coupon/contracts';
import type { FlashSaleStatusResponse } from '@coupon/contracts';
import { AmqpConnection, RabbitMqPublisher, binlogTopology } from '@coupon/messaging';
import { eventually, useVhost } from '@coupon/testing';
import { useGateway } from './fixture';

jest.setTimeout(60_000);

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const HOUR_MS = 3_600_000;
/** coupon-admin as far as the gateway asks it: everything is loaded and awaits its start. */
const admin = new Server();
let port = 0;
let startMs = 0;
beforeAll(async () => {
  const getFlashSale = (
    call: { request: { activityId: string } },
    answer: sendUnaryData<FlashSaleStatusResponse>,
  ): void => {
    answer(null, {
      activityId: call.request.activityId,
      status: 1,
      statusName: 'pending',
      totalCount: '10',
      successCount: '0',
      remainingCount: '10',
      startTime: new Date(startMs).toISOString(),
      endTime: new Date(startMs + HOUR_MS).toISOString(),
      over: false,
      awaitsStart: true,
    });
  };
  admin.addService({ getFlashSale: CouponAdminService.getFlashSale }, { getFlashSale });
  port = await new Promise((resolve, reject) => {
    admin.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
});
const vhost = useVhost();
const gateway = useGateway(() => ({ ADMIN_GRPC_ADDRESS: `127.0.0.1:${port}`, AMQP_URL: vhost.url }));

let heart: NodeJS.Timeout;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  const connection = new AmqpConnection({ url: vhost.url, name: 'heart', logger: silent });
  const publisher = new RabbitMqPublisher({
    connection,
    logger: silent,
    exchange: BINLOG_EXCHANGE,
    topology: binlogTopology(),
  });
  await publisher.start();
  const notices = new HeartbeatNotices({ url: vhost.url, name: 'heart', logger: silent });
  await notices.start();
  closing.push(
    () => notices.close(),
    () => publisher.close(),
    () => connection.close(),
  );
  let last = 0;
  heart = setInterval(() => {
    const now = Date.now();
    void notices.sent({ source: 'test', sentMs: now });
    void publisher.publishBatch([beat(now, last)]);
    last = now;
  }, 50);
  await eventually(async () => expect(await isFresh()).toBe(true), { timeoutMs: 20_000 });
});
afterAll(async () => {
  clearInterval(heart);
  for (const close of closing) await close();
  admin.forceShutdown();
});

function beat(now: number, acknowledged: number) {
  const fields = { database: 'coupon', es: now, gtid: '', id: 1, isDdl: false, mysqlType: {}, old: [{}] };
  const data = [{ source: 'test', beat: String(now), acknowledged: String(acknowledged) }];
  const rest = { pkNames: ['source'], sql: '', sqlType: {}, table: HEARTBEAT_TABLE, ts: now, type: 'UPDATE' };
  const body = JSON.stringify({ data, ...fields, ...rest });
  return { id: 'beat', type: '', body, timestampMs: now, mandatory: false } as const;
}

async function isFresh(): Promise<boolean> {
  const { cache } = (await gateway.get('/api/v1/system/stats')).body as unknown as {
    cache: { caches: { fresh: boolean }[] };
  };
  return cache.caches[0]?.fresh === true;
}

async function counters(): Promise<{ early: number; batches: number }> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  const value = (name: string): number => Number(new RegExp(`^${name}(?:{[^}]*})? (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return { early: value('claims_refused_early_total'), batches: value('claim_batch_size_count') };
}

const byLane = (id: string): Promise<unknown> => gateway.buy({ activity_id: id, user_id: 5, quantity: 3 });
/** A header the lane does not read. */
const byNodeHttp = (id: string): Promise<unknown> =>
  gateway.send(JSON.stringify({ activity_id: id, user_id: 5, quantity: 3 }), { te: 'trailers' });
const byGrpc = (id: string): Promise<unknown> => gateway.grpc({ activityId: id, userId: '5', quantity: 3 });

it.each([
  ['the fast lane', byLane, { status: 409, body: { success: false, code: 'NOT_STARTED' } }],
  ['node:http', byNodeHttp, { status: 409, body: { success: false, code: 'NOT_STARTED' } }],
  ['gRPC', byGrpc, { success: false, code: 'NOT_STARTED', remainingCount: '10' }],
])('%s refuses before the start without asking Redis, in the words of Redis', async (_path, buy, expected) => {
  startMs = Date.now() + HOUR_MS;
  const id = await gateway.open({ startMs, endMs: startMs + HOUR_MS });
  const asked = await buy(id);
  expect(asked).toMatchObject(expected);
  await eventually(async () => {
    const before = await counters();
    const answer = await buy(id);
    const after = await counters();
    expect(withoutDate(answer)).toEqual(withoutDate(asked));
    expect([after.early - before.early, after.batches - before.batches]).toEqual([1, 0]);
  });
  await eventually(async () => {
    const { body } = await gateway.get(`/api/v1/seckill/stats/${id}`);
    const { NOT_STARTED: refused } = (body as unknown as { refused: Record<string, number> }).refused;
    expect(refused).toBeGreaterThanOrEqual(2);
  });
});

it('an activity that awaits its start for less than the margin is left to Redis', async () => {
  startMs = Date.now() + 1_000;
  const id = await gateway.open({ startMs, endMs: startMs + HOUR_MS });
  const before = await counters();
  await eventually(async () => expect(await byGrpc(id)).toMatchObject({ code: 'LIMIT_REACHED' }));
  expect((await counters()).early).toBe(before.early);
});

function withoutDate(answer: unknown): unknown {
  const { headers, ...rest } = answer as { headers?: Record<string, unknown> };
  return { ...rest, headers: { ...headers, date: undefined } };
}
