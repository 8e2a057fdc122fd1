import { request } from 'undici';
import type { ActivityId, TemplateId } from '@coupon/domain';
import { ActivityStore, createClaimRedis } from '@coupon/lua';
import { eventually, uniqueActivityId, useRedisDatabase } from '@coupon/testing';
import { brokenBound } from '../support/bucket-bound';
import { httpClient, unaryClient } from '../support/clients';
import type { PurchaseClient, Told } from '../support/clients';
import { GatewayProcess } from '../support/gateway-process';
import { expectExactly } from '../support/receipts';

const LIMIT = { rate: 100, burst: 50 };
const QUEUE_SIZE = 200;
const OFFERED_PER_SECOND = 10 * LIMIT.rate;
const SECONDS = 3;
const TOTAL = 100_000;

const database = useRedisDatabase();
let redis: ReturnType<typeof createClaimRedis>;
let gateway: GatewayProcess | undefined;
let clients: readonly PurchaseClient[] = [];

const running = (): GatewayProcess => {
  if (gateway === undefined) throw new Error('no gateway');
  return gateway;
};

interface Answered {
  readonly name: string;
  readonly userId: string;
  readonly sentMs: number;
  readonly answeredMs: number;
  readonly told: Told;
}

beforeAll(async () => {
  redis = createClaimRedis(database.url);
  await redis.connect();
  gateway = await GatewayProcess.start({
    CLAIM_REDIS_URL: database.url,
    LOG_LEVEL: 'fatal',
    INSTANCE_RATE_PER_SECOND: String(LIMIT.rate),
    INSTANCE_BURST: String(LIMIT.burst),
    CLAIM_QUEUE_SIZE: String(QUEUE_SIZE),
    FULL_LOAD_DELAY_MS: '60000',
  });
  const { url, grpcAddress } = gateway;
  await eventually(async () => expect((await request(`${url}/health/ready`)).statusCode).toBe(200), {
    timeoutMs: 30_000,
  });
  clients = [httpClient(url, 128), unaryClient(grpcAddress)];
}, 60_000);

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await gateway?.end('SIGKILL');
  redis.disconnect();
});

async function openActivity(): Promise<ActivityId> {
  const store = new ActivityStore(redis);
  const activityId = uniqueActivityId();
  await store.prewarm({
    activityId,
    templateId: '3' as TemplateId,
    startMs: Date.now() - 3_600_000,
    endMs: Date.now() + 3_600_000,
    perUserLimit: 1,
    total: TOTAL,
    epoch: 1,
    userRatePerSecond: 5,
  });
  await store.setState(activityId, { to: 'open', epoch: 1 });
  return activityId;
}

let users = 0;

async function click(client: PurchaseClient, activityId: ActivityId): Promise<Answered> {
  const userId = String((users += 1));
  const sentMs = performance.now();
  const told = await client.buy({ activityId, userId, idempotencyKey: `key-of-${userId}` });
  return { name: client.name, userId, sentMs, answeredMs: performance.now(), told };
}

/** Open loop: so many new users a second, however long the answers take. Every fourth comes over gRPC. */
async function offer(activityId: ActivityId, meanwhile: () => Promise<void>): Promise<Answered[]> {
  const answers: Promise<Answered>[] = [];
  const startMs = performance.now();
  let asked: Promise<void> | undefined;
  for (let elapsedMs = 0; elapsedMs < SECONDS * 1_000; elapsedMs = performance.now() - startMs) {
    const due = Math.floor((OFFERED_PER_SECOND * elapsedMs) / 1_000);
    while (answers.length < due) {
      const client = clients[answers.length % 4 === 0 ? 1 : 0];
      if (client !== undefined) answers.push(click(client, activityId));
    }
    asked ??= meanwhile().finally(() => (asked = undefined));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await asked;
  return Promise.all(answers);
}

async function pending(): Promise<{ queue: number; redis: number }> {
  const text = await (await request(`${running().url}/metrics`)).body.text();
  const read = (where: string): number =>
    Number(new RegExp(`^claims_pending\\{[^}]*where="${where}"[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1]);
  return { queue: read('queue'), redis: read('redis') };
}

describe('an instance with a limit that is offered ten times as much', () => {
  test('accepts what the limit allows, refuses the rest with 429, limit and Retry-After, answers health and keeps its queue bounded', async () => {
    const activityId = await openActivity();
    let looks = 0;
    const answered = await offer(activityId, async () => {
      const [health, ready, { queue, redis: inFlight }] = await Promise.all([
        request(`${running().url}/health/live`).then(({ statusCode }) => statusCode),
        request(`${running().url}/health/ready`).then(({ statusCode }) => statusCode),
        pending(),
      ]);
      expect([health, ready]).toEqual([200, 200]);
      expect(queue).toBeLessThanOrEqual(QUEUE_SIZE);
      expect(inFlight).toBeLessThanOrEqual(LIMIT.burst + LIMIT.rate);
      looks += 1;
    });
    expect(looks).toBeGreaterThan(3);
    const accepted = answered.filter(({ told }) => told.code === 'OK');
    expect(brokenBound(accepted, LIMIT)).toBeUndefined();
    // The burst is there for them, and nobody else takes any of it.
    expect(accepted.length).toBeGreaterThanOrEqual(LIMIT.burst);
    expect(answered.length).toBeGreaterThan(2 * (LIMIT.burst + LIMIT.rate * SECONDS));
    const refused = answered.filter(({ told }) => told.code !== 'OK');
    expect(refused.length).toBeGreaterThan(accepted.length);
    for (const { name, told } of refused) {
      expect(told).toMatchObject({ code: 'RATE_LIMITED', limit: 'instance' });
      if (name === 'HTTP') expect(told.status).toBe(429);
      expect(told.retryAfterMs).toBeGreaterThan(0);
    }
    expect(new Set(refused.map(({ name }) => name))).toEqual(new Set(clients.map(({ name }) => name)));

    // Afterwards everybody is admitted again: a whole burst at once, once it is refilled.
    await eventually(
      async () => {
        const [client] = clients;
        if (client === undefined) throw new Error('no client');
        const batch = await Promise.all(Array.from({ length: LIMIT.burst / 2 }, () => click(client, activityId)));
        answered.push(...batch);
        expect(batch.map(({ told }) => told.code)).toEqual(Array(LIMIT.burst / 2).fill('OK'));
      },
      { timeoutMs: 10_000, intervalMs: (1_000 * LIMIT.burst) / LIMIT.rate },
    );
    const wins = answered.filter(({ told }) => told.code === 'OK');
    expect(brokenBound(wins, LIMIT)).toBeUndefined();
    await expectExactly(redis, activityId, new Map(wins.map(({ userId, told }) => [userId, [told.claimId]])), TOTAL);
    expect(await pending()).toEqual({ queue: 0, redis: 0 });
  }, 60_000);
});
