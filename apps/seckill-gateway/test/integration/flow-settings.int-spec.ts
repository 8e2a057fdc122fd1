import { changeStoredFlowSettings } from '@coupon/flow-control';
import type { FlowSettingsChange } from '@coupon/flow-control';
import { FlowSettingsStore } from '@coupon/lua';
import { TcpProxy, eventually, useRedisDatabase } from '@coupon/testing';
import { useGateway } from './fixture';
import type { Answer } from './fixture';

// A gateway that runs follows every limit an operator changes, and never stops for it.

const database = useRedisDatabase();
let proxy: TcpProxy & { readonly url: string };
beforeAll(async () => {
  proxy = await TcpProxy.inFrontOf(database.url);
});
afterAll(() => proxy.stop());

const gateway = useGateway(
  () => ({
    CLAIM_REDIS_URL: proxy.url,
    TRUSTED_PROXIES: '127.0.0.1',
    CLAIM_QUEUE_SIZE: '20',
    CLAIM_QUEUE_TIMEOUT_MS: '60000',
    CLAIM_BATCHES_IN_FLIGHT: '1',
  }),
  database,
);

const PICKED_UP_MS = 2_000;
let users = 0;
const user = (): number => (users += 1);

interface SystemStats {
  readonly breaker: string;
  readonly queue: { readonly waiting: number; readonly in_flight: number };
  readonly load: { readonly used: number; readonly shed_share: number };
  readonly limits: Readonly<Record<string, unknown>> & { readonly version: number };
}

const stats = async (): Promise<SystemStats> => (await gateway.get('/api/v1/system/stats')).body as never;

/** Stores a change as coupon-admin does, and waits until the gateway says that it has it. */
async function change(settings: FlowSettingsChange): Promise<void> {
  const store = new FlowSettingsStore(gateway.redis);
  const before = await store.read();
  const body = changeStoredFlowSettings(before?.body ?? null, settings);
  const written = await store.write(before?.version ?? 0, body, 'operator');
  await eventually(
    async () => {
      expect((await stats()).limits.version).toBe(written.version);
    },
    { timeoutMs: PICKED_UP_MS },
  );
}

const buy = (activity_id: string, user_id = user(), headers: Record<string, string> = {}): Promise<Answer> =>
  gateway.buy({ activity_id, user_id }, headers);
const outcome = ({ body }: Answer): string =>
  [body.code ?? '', ...(body.code === 'RATE_LIMITED' ? [String(body.details?.['limit'])] : [])].join(' ');

/** What this process has refused by itself arrives in the statistics of the activity a moment later. */
async function isCounted(activity_id: string, code: string): Promise<void> {
  await eventually(async () => {
    const { body } = await gateway.get(`/api/v1/seckill/stats/${activity_id}`);
    expect((body['refused'] as Record<string, number>)[code]).toBeGreaterThanOrEqual(1);
  });
}

/** Claims go on their way and nothing comes back, until `heal`. */
async function whileRedisIsSilent(work: () => Promise<void>): Promise<void> {
  proxy.setMode('half-open');
  try {
    await work();
  } finally {
    proxy.setMode('pass');
    proxy.cut();
  }
  const activity = await gateway.open({ total: 1_000 });
  await eventually(async () => {
    expect(outcome(await buy(activity))).toBe('OK');
  });
}

async function isWaiting(waiting: number): Promise<void> {
  await eventually(async () => {
    expect((await stats()).queue).toEqual({ waiting, in_flight: 1 });
  });
}

describe('a change of the limits, without a restart', () => {
  test('per user: decided by the claim script, over what the activity was loaded with', async () => {
    const activity = await gateway.open({ total: 1_000, perUserLimit: 900, userRatePerSecond: 0 });
    const id = user();
    const codes = async (): Promise<Set<string>> =>
      new Set((await Promise.all(Array.from({ length: 10 }, () => buy(activity, id)))).map(outcome));
    expect(await codes()).toEqual(new Set(['OK']));
    await change({ per_user: 2 });
    expect(await codes()).toEqual(new Set(['OK', 'RATE_LIMITED user']));
    // Another setting does not bring a limit per user with it.
    await change({ per_user: null, queue_size: 19 });
    expect(await codes()).toEqual(new Set(['OK']));
    await change({ queue_size: null });
  });

  test('per address', async () => {
    const activity = await gateway.open({ total: 100 });
    const from = async (address: string): Promise<string> =>
      outcome(await buy(activity, user(), { 'x-forwarded-for': address }));
    await change({ per_address: { rate: 1, burst: 1 } });
    expect([await from('203.0.113.1'), await from('203.0.113.1'), await from('203.0.113.2')]).toEqual([
      'OK',
      'RATE_LIMITED address',
      'OK',
    ]);
    await change({ per_address: 'off' });
    expect([await from('203.0.113.3'), await from('203.0.113.3')]).toEqual(['OK', 'OK']);
  });

  test('per activity', async () => {
    const [one, other] = [await gateway.open({ total: 100 }), await gateway.open({ total: 100 })];
    await change({ per_activity: { rate: 1, burst: 1 } });
    expect([outcome(await buy(one)), outcome(await buy(one)), outcome(await buy(other))]).toEqual([
      'OK',
      'RATE_LIMITED activity',
      'OK',
    ]);
    await change({ per_activity: null });
    expect([outcome(await buy(one)), outcome(await buy(one))]).toEqual(['OK', 'OK']);
  });

  test('per instance', async () => {
    const [one, other] = [await gateway.open({ total: 100 }), await gateway.open({ total: 100 })];
    await change({ instance: { rate: 1, burst: 1 } });
    expect([outcome(await buy(one)), outcome(await buy(other))]).toEqual(['OK', 'RATE_LIMITED instance']);
    await change({ instance: null });
    expect([outcome(await buy(one)), outcome(await buy(other))]).toEqual(['OK', 'OK']);
  });

  test('circuit breaker', async () => {
    const activity = await gateway.open({ total: 100 });
    const failOnce = async (): Promise<string> => {
      proxy.setMode('half-open');
      const claim = buy(activity);
      await isWaiting(0);
      proxy.setMode('refuse');
      proxy.cut();
      expect(outcome(await claim)).toBe('OUTCOME_UNKNOWN');
      return (await stats()).breaker;
    };
    const recover = async (): Promise<void> => {
      proxy.setMode('pass');
      await eventually(async () => {
        expect(outcome(await buy(activity))).toBe('OK');
      });
    };
    expect(await failOnce()).toBe('closed');
    await recover();
    await change({ breaker: { failure_percent: 1, min_batches: 1 } });
    expect(await failOnce()).toBe('open');
    expect(outcome(await buy(activity))).toBe('CIRCUIT_OPEN');
    await recover();
    await isCounted(activity, 'CIRCUIT_OPEN');
    await change({ breaker: null });
  });

  test('how many are under way and how many wait', async () => {
    const [one, other] = [await gateway.open({ total: 100 }), await gateway.open({ total: 100 })];
    await change({ max_concurrent: 1, queue_size: 1 });
    await whileRedisIsSilent(async () => {
      const first = buy(one);
      await isWaiting(0);
      // Not sent, although the other activity has nothing under way.
      const second = buy(other);
      await isWaiting(1);
      expect(outcome(await buy(other))).toBe('OVERLOADED');
      proxy.cut();
      expect(outcome(await first)).toBe('OUTCOME_UNKNOWN');
      // Refused without having been sent.
      expect(['NOT_READY', 'OVERLOADED']).toContain(outcome(await second));
    });
    await isCounted(other, 'OVERLOADED');
    await change({ max_concurrent: null, queue_size: null });
    await whileRedisIsSilent(async () => {
      const claims = [buy(one), buy(one), buy(one)];
      await eventually(async () => {
        const { waiting, in_flight } = (await stats()).queue;
        expect(waiting + in_flight).toBe(3);
      });
      proxy.cut();
      await Promise.all(claims);
    });
  });

  test('how long a claim may wait', async () => {
    const activity = await gateway.open({ total: 100 });
    await change({ queue_deadline_ms: 1, max_concurrent: 1 });
    await whileRedisIsSilent(async () => {
      const first = buy(activity);
      await isWaiting(0);
      // The claim in front of it is still under way: it did not wait for Redis.
      expect(outcome(await buy(activity))).toBe('OVERLOADED');
      expect((await stats()).queue.in_flight).toBe(1);
      proxy.cut();
      await first;
    });
    await isCounted(activity, 'OVERLOADED');
    await change({ queue_deadline_ms: null, max_concurrent: null });
  });

  test('from which load on claims are refused', async () => {
    const activity = await gateway.open({ total: 100 });
    const shedAtHalfTheQueue = async (): Promise<boolean> => {
      let shed = false;
      await whileRedisIsSilent(async () => {
        const claims = [buy(activity)];
        await isWaiting(0);
        claims.push(...Array.from({ length: 10 }, () => buy(activity)));
        await eventually(async () => {
          expect((await stats()).load.used).toBeGreaterThan(0.3);
        });
        shed = (await stats()).load.shed_share > 0;
        proxy.cut();
        await Promise.all(claims);
      });
      return shed;
    };
    await change({ max_concurrent: 1 });
    expect(await shedAtHalfTheQueue()).toBe(false);
    await change({ shed_threshold: 0.1 });
    expect(await shedAtHalfTheQueue()).toBe(true);
    await change({ shed_threshold: null, max_concurrent: null });
  });
});

test('settings that make no sense leave the last ones in force, until there are good ones', async () => {
  const activity = await gateway.open({ total: 100 });
  await change({ instance: { rate: 1, burst: 1 } });
  const { version } = (await stats()).limits;
  const reads = jest.spyOn(FlowSettingsStore.prototype, 'read');
  await gateway.redis.hset('coupon:flow:settings', { version: String(version + 1), body: '{"instance":{"rate":-1}}' });
  await eventually(() => {
    expect(reads.mock.calls.length).toBeGreaterThanOrEqual(3);
  });
  reads.mockRestore();
  expect((await stats()).limits).toMatchObject({ version, instance: { rate: 1, burst: 1 } });
  expect((await Promise.all([buy(activity), buy(activity), buy(activity)])).map(outcome)).toContain(
    'RATE_LIMITED instance',
  );
  await gateway.redis.hset('coupon:flow:settings', { body: '{}' });
  await change({ instance: 'off' });
  expect((await Promise.all([buy(activity), buy(activity), buy(activity)])).map(outcome)).toEqual(['OK', 'OK', 'OK']);
});
