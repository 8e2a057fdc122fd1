import { randomUUID } from 'node:crypto';
import { request } from 'undici';
import type { ActivityId, TemplateId } from '@coupon/domain';
import { ActivityStore, createClaimRedis } from '@coupon/lua';
import { eventually, uniqueActivityId, useRedisDatabase } from '@coupon/testing';
import { GatewayProcess } from '../support/gateway-process';

const database = useRedisDatabase();
let gateway: GatewayProcess | undefined;
let redis: ReturnType<typeof createClaimRedis>;

const running = (): GatewayProcess => {
  if (gateway === undefined) throw new Error('no gateway');
  return gateway;
};

beforeAll(async () => {
  redis = createClaimRedis(database.url);
  await redis.connect();
  gateway = await GatewayProcess.start({ CLAIM_REDIS_URL: database.url, WORKERS: '2' });
  await untilReady();
}, 60_000);

afterAll(async () => {
  await gateway?.end('SIGKILL');
  redis.disconnect();
});

async function untilReady(): Promise<void> {
  await eventually(
    async () => {
      expect((await request(`${running().url}/health/ready`, { reset: true })).statusCode).toBe(200);
    },
    { timeoutMs: 30_000 },
  );
}

async function openActivity(total: number): Promise<ActivityId> {
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
    userRatePerSecond: 0,
  });
  await store.setState(activityId, { to: 'open', epoch: 1 });
  return activityId;
}

/** On a connection of its own, so that it may reach either process. */
async function buy(activity_id: ActivityId, user: number): Promise<string> {
  const { body } = await request(`${running().url}/api/v1/seckill/purchase`, {
    method: 'POST',
    reset: true,
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({ activity_id, user_id: user }),
  });
  return ((await body.json()) as { code: string }).code;
}

/** How often each code was answered, so that a failure names the others. */
function countOf(codes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

describe('a gateway of two processes (WORKERS=2)', () => {
  test('sells exactly the stock, and its metrics add up what both have done', async () => {
    const activity = await openActivity(10);
    const codes = await Promise.all(Array.from({ length: 100 }, (_, user) => buy(activity, user + 1)));
    expect(countOf(codes)).toEqual({ OK: 10, SOLD_OUT: 90 });
    const metrics = await (await request(`${running().url}/metrics`)).body.text();
    expect(metrics).toMatch(/claims_total\{[^}]*code="OK"[^}]*\} 10\n/);
    expect(metrics).toMatch(/claims_total\{[^}]*code="SOLD_OUT"[^}]*\} 90\n/);
  });

  test('a killed process is replaced', async () => {
    const [victim] = running().children();
    if (victim === undefined) throw new Error('no process');
    process.kill(victim, 'SIGKILL');
    await eventually(
      () => {
        const now = running().children();
        expect(now).toHaveLength(2);
        expect(now).not.toContain(victim);
      },
      { timeoutMs: 20_000 },
    );
    const activity = await openActivity(1);
    await eventually(async () => {
      expect(['OK', 'SOLD_OUT']).toContain(await buy(activity, 1));
    });
  }, 40_000);

  test('SIGTERM ends all of them in order', async () => {
    const processes = running().children();
    expect(await running().end('SIGTERM')).toBe(0);
    for (const pid of processes) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  }, 20_000);

  test('a killed first process takes the others with it', async () => {
    gateway = await GatewayProcess.start({ CLAIM_REDIS_URL: database.url, WORKERS: '2' });
    await untilReady();
    const processes = running().children();
    expect(processes).toHaveLength(2);
    await running().end('SIGKILL');
    await eventually(() => {
      for (const pid of processes) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    });
  }, 40_000);

  test('a configuration that cannot work is told once, and the group ends', async () => {
    const broken = await GatewayProcess.start({ CLAIM_REDIS_URL: 'nonsense', WORKERS: '2' });
    try {
      await eventually(() => expect(broken.ended).toBe(1), { timeoutMs: 20_000 });
      expect(broken.text).toContain('CLAIM_REDIS_URL');
    } finally {
      await broken.end('SIGKILL');
    }
  }, 30_000);
});
