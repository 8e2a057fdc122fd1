import { request } from 'undici';
import type { ActivityId, TemplateId } from '@coupon/domain';
import { ActivityStore, createClaimRedis, readRunId } from '@coupon/lua';
import { eventually, uniqueActivityId, useOwnServers } from '@coupon/testing';
import { httpClient, streamClient, unaryClient } from '../support/clients';
import type { PurchaseClient } from '../support/clients';
import { Crowd } from '../support/crowd';
import type { Heard } from '../support/crowd';
import { GatewayProcess } from '../support/gateway-process';
import { expectExactly, readReceipts } from '../support/receipts';

/** How long Redis is away. */
const AWAY_MS = 5_000;
/** Within this time after the stop refusals must have begun. */
const REFUSED_WITHIN_MS = 1_000;
const TOTAL = 1_000_000;
const REFUSALS = ['NOT_READY', 'CIRCUIT_OPEN', 'OVERLOADED'];
/** Two batches of one activity at once, and the probes that went out while it was away: no more can be in flight. */
const MOST_IN_FLIGHT = 128 * (2 + AWAY_MS / 1_000);

const own = useOwnServers(['redis']);
let gateway: GatewayProcess | undefined;
let redis: ReturnType<typeof createClaimRedis>;
let clients: readonly PurchaseClient[] = [];
let crowd: Crowd;

const running = (): GatewayProcess => {
  if (gateway === undefined) throw new Error('no gateway');
  return gateway;
};

beforeEach(async () => {
  redis = createClaimRedis(own.endpoints.redis.url);
  redis.on('error', () => undefined); // the kill is on purpose
  await redis.connect();
});

async function startGateway(environment: Readonly<Record<string, string>> = {}): Promise<void> {
  gateway = await GatewayProcess.start({
    CLAIM_REDIS_URL: own.endpoints.redis.url,
    LOG_LEVEL: 'fatal',
    ...environment,
  });
  const { url, grpcAddress } = gateway;
  await eventually(async () => expect((await request(`${url}/health/ready`)).statusCode).toBe(200), {
    timeoutMs: 30_000,
  });
  clients = [httpClient(url), unaryClient(grpcAddress), streamClient(grpcAddress)];
}

afterEach(async () => {
  try {
    await own.servers.redis.resume();
    // Of a test that has failed: its own failure is the one to show.
    await crowd.leave().catch(() => undefined);
    await Promise.all(clients.map((client) => client.close()));
  } finally {
    await gateway?.end('SIGKILL');
    redis.disconnect();
  }
});

async function openActivity(total = TOTAL): Promise<ActivityId> {
  const store = new ActivityStore(redis);
  const activityId = uniqueActivityId();
  await store.prewarm({
    activityId,
    templateId: '3' as TemplateId,
    startMs: Date.now() - 3_600_000,
    endMs: Date.now() + 3_600_000,
    perUserLimit: 1,
    total,
    epoch: 1,
    userRatePerSecond: 5,
  });
  await store.setState(activityId, { to: 'open', epoch: 1 });
  return activityId;
}

async function metric(name: string, labels = ''): Promise<number> {
  const text = await (await request(`${running().url}/metrics`)).body.text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*${labels}[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
}

const breakerOpen = (): Promise<number> => metric('claim_breaker_open');

/** A crowd at all interfaces that has its answers: the breaker's window is full of successes. */
async function crowdAtWork(activityId: ActivityId, hearing = 'OK'): Promise<void> {
  crowd = new Crowd(activityId);
  for (const client of clients) {
    crowd.join(client, 16);
    crowd.keepComing(client, 10);
  }
  await eventually(
    () => {
      expect(crowd.told(hearing).length).toBeGreaterThan(2_000);
      for (const client of clients) expect(crowd.told(hearing).some((one) => one.client === client)).toBe(true);
    },
    { timeoutMs: 20_000 },
  );
}

const refusedAfter = (client: PurchaseClient, sinceMs: number): Heard[] =>
  crowd.heard.filter((one) => one.client === client && one.sentMs > sinceMs && REFUSALS.includes(one.told.code));

async function refusalsBegin(stoppedMs: number): Promise<void> {
  await eventually(
    () => {
      for (const client of clients)
        expect([client.name, refusedAfter(client, stoppedMs).length]).not.toEqual([client.name, 0]);
    },
    { timeoutMs: REFUSED_WITHIN_MS },
  );
}

/** The part both ways of stopping have in common. @returns when Redis had stopped; everybody in the crowd was answered since. */
async function sellThrough(
  activityId: ActivityId,
  stop: () => Promise<void>,
  goOn: () => Promise<void>,
): Promise<number> {
  await crowdAtWork(activityId);
  await stop();
  const stoppedMs = performance.now();
  await refusalsBegin(stoppedMs);
  await eventually(async () => expect(await breakerOpen()).toBe(1), { timeoutMs: AWAY_MS });
  expect((await request(`${running().url}/health/live`)).statusCode).toBe(200);
  await eventually(() => performance.now() - stoppedMs >= AWAY_MS, { timeoutMs: 2 * AWAY_MS });
  const wonBefore = crowd.told('OK').length;
  await goOn();
  await eventually(
    async () => {
      expect(crowd.told('OK').length).toBeGreaterThan(wonBefore + 500);
      expect(await breakerOpen()).toBe(0);
    },
    { timeoutMs: 20_000 },
  );
  await crowd.leave();
  return stoppedMs;
}

function expectOnlyHonestAnswers(): void {
  const codes = new Set(crowd.heard.map(({ told }) => told.code));
  expect([...codes].filter((code) => !['OK', 'OUTCOME_UNKNOWN', ...REFUSALS].includes(code))).toEqual([]);
  for (const { client, told } of crowd.heard) {
    if (!REFUSALS.includes(told.code)) continue;
    if (client.name === 'HTTP') expect(told.status).toBe(503);
    expect([client.name, told.code, told.retryAfterMs > 0]).toEqual([client.name, told.code, true]);
  }
  for (const { told } of crowd.told('OUTCOME_UNKNOWN')) if (told.status !== undefined) expect(told.status).toBe(504);
  expect(crowd.told('OUTCOME_UNKNOWN').length).toBeGreaterThan(0);
  expect(crowd.told('OUTCOME_UNKNOWN').length).toBeLessThanOrEqual(MOST_IN_FLIGHT);
}

/** Repeats, with the same key and once more over another interface, what nobody knows; then Redis must hold what was told and nothing else. */
async function expectOneReceiptEach(activityId: ActivityId): Promise<void> {
  const wins = new Map(crowd.told('OK').map(({ userId, told }) => [userId, [told.claimId]]));
  for (const [n, { userId, idempotencyKey }] of crowd.told('OUTCOME_UNKNOWN').entries()) {
    const click = { activityId, userId, idempotencyKey };
    const [one, other] = [clients[n % clients.length], clients[(n + 1) % clients.length]];
    const first = await one?.buy(click);
    expect(first).toMatchObject({ code: 'OK' });
    expect(await other?.buy(click)).toMatchObject({ code: 'OK', replayed: true, claimId: first?.claimId });
    wins.set(userId, [first?.claimId ?? '']);
  }
  await expectExactly(redis, activityId, wins, TOTAL);
}

describe('Redis stopped for five seconds in the middle of claims over HTTP, gRPC and a gRPC stream', () => {
  test('SIGSTOP: refused within a second, the breaker opens and closes by itself, nothing is lost or doubled', async () => {
    await startGateway();
    const activityId = await openActivity();
    await sellThrough(
      activityId,
      () => own.servers.redis.pause(),
      () => own.servers.redis.resume(),
    );
    expectOnlyHonestAnswers();
    // It was in the socket when Redis stopped, so Redis has decided it since: whoever was told "unknown" had been sent, nobody else had.
    const receipts = await readReceipts(redis, activityId);
    const told = (code: string): string[] => crowd.told(code).map(({ userId }) => userId);
    expect(told('OUTCOME_UNKNOWN').filter((user) => !receipts.has(user))).toEqual([]);
    expect(REFUSALS.flatMap(told).filter((user) => receipts.has(user))).toEqual([]);
    await expectOneReceiptEach(activityId);
  }, 120_000);

  test('kill -9 and restart on the same data, with limits on: the same, once the new run is verified', async () => {
    await startGateway({ ACTIVITY_RATE_PER_SECOND: '100000', INSTANCE_RATE_PER_SECOND: '100000' });
    const activityId = await openActivity();
    const runId = await readRunId(redis);
    const stoppedMs = await sellThrough(
      activityId,
      async () => {
        // Paused first, so that it certainly has claims in flight when it is killed.
        await own.servers.redis.pause();
        await eventually(async () => expect(await metric('claims_pending', 'where="redis"')).toBeGreaterThan(0));
        await own.servers.redis.kill();
      },
      async () => {
        await own.servers.redis.start();
        // What a worker does when it finds another run of Redis.
        const store = new ActivityStore(redis);
        await eventually(async () =>
          expect(await store.adoptRun(activityId, { epoch: 1, verifiedRunId: runId })).toEqual({ kind: 'adopted' }),
        );
      },
    );
    expectOnlyHonestAnswers();
    // A closed connection is seen at once: nothing that was clicked after it can be in doubt.
    expect(crowd.told('OUTCOME_UNKNOWN').filter(({ sentMs }) => sentMs > stoppedMs)).toEqual([]);
    await expectOneReceiptEach(activityId);
  }, 120_000);

  test('SIGSTOP when everything is sold: what is refused without a claim is refused within a second, too, and SOLD_OUT again afterwards', async () => {
    await startGateway();
    const activityId = await openActivity(10);
    await crowdAtWork(activityId, 'SOLD_OUT');
    expect(await metric('claim_filter_activities')).toBe(1);
    await own.servers.redis.pause();
    const stoppedMs = performance.now();
    await refusalsBegin(stoppedMs);
    expect(await breakerOpen()).toBe(1);
    // Nothing of theirs was sent, so nobody has to wait for Redis' timeouts.
    const begunMs = performance.now();
    await eventually(() => expect(crowd.unanswered(begunMs)).toBe(0), { timeoutMs: REFUSED_WITHIN_MS });
    await own.servers.redis.resume();
    const resumedMs = performance.now();
    await eventually(() => {
      for (const client of clients)
        expect(crowd.told('SOLD_OUT').some((one) => one.client === client && one.sentMs > resumedMs)).toBe(true);
    });
    await crowd.leave();
    expect(crowd.told('OUTCOME_UNKNOWN')).toEqual([]);
    const wins = new Map(crowd.told('OK').map(({ userId, told }) => [userId, [told.claimId]]));
    await expectExactly(redis, activityId, wins, 10);
  }, 60_000);
});
