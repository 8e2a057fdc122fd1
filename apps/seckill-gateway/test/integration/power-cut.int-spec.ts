import { pino } from 'pino';
import { Agent, request } from 'undici';
import type { ActivityId, TemplateId } from '@coupon/domain';
import { ActivityStore, activityKeys, createClaimRedis } from '@coupon/lua';
import { PowerCutRedis, eventually, uniqueActivityId } from '@coupon/testing';
import { loadGatewayConfig } from '../../src/config';
import { createGateway } from '../../src/create-gateway';

const BUYERS = 32;

/** Sells as fast as it can for a while, cuts the power in the middle, and counts the answered wins that Redis does not know afterwards. */
async function sellThroughPowerCut(
  appendfsync: 'always' | 'everysec',
): Promise<{ answered: number; lost: number; bytes: number }> {
  const redisServer = await PowerCutRedis.start(appendfsync);
  const agent = new Agent({ connections: BUYERS, pipelining: 1 });
  const gateway = createGateway(
    loadGatewayConfig({
      NODE_ENV: 'test',
      AUTH_MODE: 'none',
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      ADMIN_GRPC_ADDRESS: '127.0.0.1:1',
      CLAIM_REDIS_URL: redisServer.url,
      DURABILITY_MODE: appendfsync === 'always' ? 'fsync' : 'memory',
    }),
    pino({ level: 'silent' }),
  );
  try {
    await gateway.lifecycle.start();
    const url = `http://127.0.0.1:${gateway.http.port}`;
    await eventually(async () => {
      expect((await request(`${url}/health/ready`, { dispatcher: agent })).statusCode).toBe(200);
    });
    const activityId = await openActivity(redisServer.url);
    const winners: string[] = [];
    let selling = true;
    let nextUser = 1;
    const buyer = async (): Promise<void> => {
      while (selling) {
        const user = String(nextUser++);
        const answer = await request(`${url}/api/v1/seckill/purchase`, {
          method: 'POST',
          dispatcher: agent,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ activity_id: activityId, user_id: user }),
        });
        const { code } = (await answer.body.json()) as { code: string };
        if (code === 'OK') winners.push(user);
        else if (code !== 'NOT_READY' && code !== 'OUTCOME_UNKNOWN') throw new Error(`unexpected ${code}`);
      }
    };
    const buyers = Promise.all(Array.from({ length: BUYERS }, buyer));
    // Longer than the second between two syncs, so that some wins are on disk in both modes.
    const startedMs = performance.now();
    await eventually(
      () => {
        expect(performance.now() - startedMs).toBeGreaterThan(1_500);
        expect(winners.length).toBeGreaterThan(300);
      },
      { timeoutMs: 20_000 },
    );
    const bytes = await redisServer.cutPower();
    selling = false;
    await buyers;
    await redisServer.powerOn();
    return { answered: winners.length, lost: await countLost(redisServer.url, activityId, winners), bytes };
  } finally {
    await agent.close();
    await gateway.lifecycle.stop('end of the test');
    await redisServer.stop();
  }
}

async function openActivity(url: string): Promise<ActivityId> {
  const redis = createClaimRedis(url);
  await redis.connect();
  const store = new ActivityStore(redis);
  const activityId = uniqueActivityId();
  await store.prewarm({
    activityId,
    templateId: '3' as TemplateId,
    startMs: Date.now() - 3_600_000,
    endMs: Date.now() + 3_600_000,
    perUserLimit: 1,
    total: 1_000_000,
    epoch: 1,
    userRatePerSecond: 0,
  });
  await store.setState(activityId, { to: 'open', epoch: 1 });
  redis.disconnect();
  return activityId;
}

async function countLost(url: string, activityId: ActivityId, winners: readonly string[]): Promise<number> {
  const redis = createClaimRedis(url);
  await redis.connect();
  const receipts = await redis.hmget(activityKeys(activityId).user, ...winners);
  redis.disconnect();
  return receipts.filter((receipt) => receipt === null).length;
}

// Only Linux tells from outside what a process has synced (LD_PRELOAD, /proc).
const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;

describeOnLinux('a power cut in the middle of a sale', () => {
  test('with appendfsync always no answered win is lost', async () => {
    const { answered, lost } = await sellThroughPowerCut('always');
    expect(answered).toBeGreaterThan(300);
    expect(lost).toBe(0);
  }, 60_000);

  test('with everysec the same cut loses some: the test can tell the difference', async () => {
    const { lost, bytes } = await sellThroughPowerCut('everysec');
    expect(bytes).toBeGreaterThan(0);
    expect(lost).toBeGreaterThan(0);
  }, 60_000);
});
