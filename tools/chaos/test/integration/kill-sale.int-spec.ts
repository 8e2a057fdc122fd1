import { Marketing, MysqlTruth, PurchaseClient, storyOf, unexpectedCodes, verifySale } from '@coupon/demo';
import type { Ledger } from '@coupon/demo';
import { queueDepth, startPlatform } from '@coupon/platform';
import type { Platform } from '@coupon/platform';
import { eventually, seededRandom } from '@coupon/testing';
import { planBuyers, storm, strikeAtRandom } from '../../src/storm';
import type { Fault } from '../../src/storm';

const SEED = Number(process.env['CHAOS_SEED'] ?? 20261121);
const LIMIT = 2;
const STOCK = 3_000;
const BUYERS = 2_500;
const SALE_MS = 16_000;

const stopping = new AbortController();
let platform: Platform;
let marketing: Marketing;
let truth: MysqlTruth;
let client: PurchaseClient;
let templateId: string;

beforeAll(async () => {
  platform = await startPlatform({
    purpose: 'chaos',
    counts: { 'coupon-admin': 1, 'seckill-gateway': 2, 'seckill-worker': 2 },
    respawn: true,
    mostQuickEnds: Number.POSITIVE_INFINITY,
    appEnv: { 'seckill-worker': { RELAY_STALE_MS: '1000', RECONCILE_INTERVAL_MS: '1000' } },
    log: () => undefined,
    signal: stopping.signal,
  });
  marketing = new Marketing(platform.one('coupon-admin').httpUrl, platform.operatorHeaders());
  truth = new MysqlTruth(platform.database.adminUrl);
  const gateways = platform.all('seckill-gateway').map((instance) => instance.httpUrl);
  client = new PurchaseClient({ gateways, connectionsEach: 64 });
  templateId = await marketing.publishTemplate({
    name: 'chaos',
    totalCount: 10 * STOCK,
    perUserLimit: LIMIT,
    nowMs: Date.now(),
  });
}, 600_000);

afterAll(async () => {
  stopping.abort();
  await client.close();
  await truth.close();
  await platform.stop();
}, 60_000);

const killEach = (apps: readonly ('seckill-gateway' | 'seckill-worker')[]): Fault[] =>
  apps.flatMap((app) =>
    platform.all(app).map((instance) => ({
      name: instance.name,
      strike: () => {
        if (instance.pid === undefined) return;
        try {
          process.kill(instance.pid, 'SIGKILL');
        } catch (error) {
          // Between its death and its next life there is nothing to kill; its end may not have been reported yet. Node's errors are no
          // instances of the Error that a test sees.
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
        }
      },
    })),
  );

/** A sale with faults, then every promise against every row. */
async function saleSurvives(name: string, times: number, faults: readonly Fault[]): Promise<string[]> {
  const random = seededRandom(SEED);
  const buyers = planBuyers(BUYERS, LIMIT, random);
  const now = Date.now();
  const activityId = await marketing.createActivity({
    templateId,
    name,
    totalCount: STOCK,
    perUserLimit: LIMIT,
    startMs: now + 60_000,
    endMs: now + 3_600_000,
  });
  await marketing.start(activityId);
  const [ledger, struck] = await Promise.all([
    storm({ client, activityId, buyers, durationMs: SALE_MS, signal: stopping.signal }),
    strikeAtRandom(faults, { times, durationMs: SALE_MS * 0.9, random, signal: stopping.signal }),
  ]);
  await expectConserved(activityId, ledger);
  return struck;
}

async function expectConserved(activityId: string, ledger: Ledger): Promise<void> {
  await Promise.all(platform.instances.map((instance) => instance.untilReady()));
  await eventually(
    async () => {
      expect(await marketing.reconciliation(activityId)).toMatchObject({ verdict: 'ok' });
    },
    { timeoutMs: 60_000, intervalMs: 250 },
  );
  const sale = await truth.sale(activityId);
  const terms = { stock: STOCK, perUserLimit: LIMIT, demand: STOCK };
  expect(verifySale(terms, storyOf(ledger), sale)).toEqual([]);
  expect(unexpectedCodes(ledger, ['SOLD_OUT', 'LIMIT_REACHED'])).toEqual([]);
  expect(ledger.firstReceipts).toBeGreaterThan(0);
  expect(await truth.deadLetters()).toBe(0);
  expect(await queueDepth(platform.servers.endpoints.rabbitmq.url, 'seckill-worker.claims.dlq')).toBe(0);
}

describe('a sale goes on and nothing is lost, doubled or oversold', () => {
  test('with 24 kills -9 of gateways and of workers (relay and consumer) at random moments', async () => {
    const struck = await saleSurvives('kill apps', 24, killEach(['seckill-gateway', 'seckill-worker']));
    expect(struck.length).toBeGreaterThanOrEqual(20);
  }, 180_000);

  test('with RabbitMQ killed and restarted', async () => {
    const strike = (): Promise<void> => platform.servers.servers.rabbitmq.restart();
    await saleSurvives('restart rabbitmq', 2, [{ name: 'rabbitmq', strike }]);
  }, 180_000);

  test('with MySQL killed and restarted', async () => {
    const strike = (): Promise<void> => platform.servers.servers.mysql.restart();
    await saleSurvives('restart mysql', 2, [{ name: 'mysql', strike }]);
  }, 180_000);

  test('with Redis killed and restarted on its append-only file', async () => {
    const strike = (): Promise<void> => platform.servers.servers.redis.restart();
    await saleSurvives('restart redis', 2, [{ name: 'redis', strike }]);
  }, 180_000);
});
