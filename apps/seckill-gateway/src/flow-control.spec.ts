import { pino } from 'pino';
import { DEFAULT_FLOW_SETTINGS, encodeFlowSettings, patchFlowSettings } from '@coupon/flow-control';
import type { FlowSettings } from '@coupon/flow-control';
import { AppError } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import { createMetrics } from '@coupon/service-kit';
import type { ClaimSession } from './adapters/claim-session';
import { createFlowControl } from './flow-control';
import type { FlowControl } from './flow-control';

const ACTIVITY = '42' as ActivityId;

/** The flow control of a gateway whose Redis is in the hands of the test, by a clock that moves when it is told to. */
function setUp(defaults: Partial<FlowSettings> = {}) {
  const is = { connected: true, silent: false, stored: null as { version: number; settings: FlowSettings } | null };
  const calls: string[] = [];
  const hanging: (() => void)[] = [];
  const orSilent = <T>(value: T): Promise<T> =>
    is.silent
      ? new Promise((_, reject) => hanging.push(() => reject(new Error('Command timed out'))))
      : Promise.resolve(value);
  const redis = {
    hmget: async () =>
      orSilent(is.stored === null ? [null, null] : [String(is.stored.version), encodeFlowSettings(is.stored.settings)]),
    evalsha: async (_sha: string, _keys: number, key: string, ...rest: unknown[]) => {
      calls.push(key);
      // A lease of ten permits, or a sold-out activity at event 7.
      return orSilent(key.includes('lease') ? [Number(rest[3]) + 10, 1, 0, 1] : [0, 0, 0, 7, 1, 1, 1, 0]);
    },
    hscan: async () => orSilent(['0', []]),
  };
  const session = {
    current: () => (is.connected ? { redis, runId: 'run' } : null),
    require: () => {
      if (!is.connected) throw new AppError('NOT_READY', 'not ready');
      return { redis, runId: 'run' };
    },
  } as unknown as ClaimSession;
  const metrics = createMetrics({ service: 'spec' });
  const swept = { desk: 0, admits: 0, passed: 0, refused: 0 };
  const flow: FlowControl = createFlowControl(
    { defaults: { ...DEFAULT_FLOW_SETTINGS, ...defaults }, fullLoadDelayMs: 250, instanceId: 'an instance' },
    session,
    () => ({
      desk: {
        sweep: () => void (swept.desk += 1),
        pass: () => void (swept.passed += 1),
        refuse: () => void (swept.refused += 1),
      },
      admits: [{ sweep: () => void (swept.admits += 1) }],
    }),
    metrics,
    pino({ level: 'silent' }),
  );
  const metric = async (name: string): Promise<number> =>
    Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(await metrics.registry.metrics())?.[1]);
  const timeOut = (): void => {
    for (const one of hanging.splice(0)) one();
  };
  return { is, calls, swept, flow, metric, metrics, timeOut };
}

describe('the flow control of a gateway', () => {
  let open: ReturnType<typeof setUp> | undefined;
  const make = (defaults?: Partial<FlowSettings>): ReturnType<typeof setUp> => (open = setUp(defaults));
  const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(async () => {
    if (open !== undefined) {
      open.is.silent = false;
      open.timeOut();
      await open.flow.component.drain?.(new AbortController().signal);
      await open.flow.component.close?.();
      open.metrics.close();
    }
    open = undefined;
    jest.useRealTimers();
  });

  test('follows what is stored, and goes back to its own settings when nothing is', async () => {
    const { is, flow } = make({ queue_size: 2, per_address: { rate: 1, burst: 1 } });
    await flow.component.start?.();
    expect(flow.userRate()).toBeUndefined();
    expect([flow.admission.tryEnter('1'), flow.admission.tryEnter('1'), flow.admission.tryEnter('1')]).toEqual([
      null,
      null,
      'queue_full',
    ]);
    expect(flow.limits.check('10.0.0.1', '1')).toEqual({ allowed: true });
    expect(flow.limits.check('10.0.0.1', '1')).toMatchObject({ limit: 'address' });

    const settings = patchFlowSettings(DEFAULT_FLOW_SETTINGS, {
      queue_size: 100,
      per_user: 9,
      per_address: null,
      breaker: { failure_percent: 50, min_batches: 2 },
    });
    is.stored = { version: 1, settings };
    await pass(1_000);
    expect(flow.userRate()).toBe(9);
    expect(flow.admission.tryEnter('1')).toBeNull();
    for (let i = 0; i < 3; i += 1) expect(flow.limits.check('10.0.0.1', '1')).toEqual({ allowed: true });
    for (let i = 0; i < 2; i += 1)
      await flow.breaker.fire(() => Promise.reject(new Error('down'))).catch(() => undefined);
    expect(flow.breaker.state()).toBe('open');

    is.stored = null;
    await pass(1_000);
    expect(flow.userRate()).toBeUndefined();
    expect(flow.admission.tryEnter('1')).toBe('queue_full');
  });

  test('keeps the settings it has while there is no connection', async () => {
    const { is, flow } = make();
    await flow.component.start?.();
    is.stored = { version: 3, settings: patchFlowSettings(DEFAULT_FLOW_SETTINGS, { per_user: 2 }) };
    await pass(1_000);
    is.connected = false;
    await pass(5_000);
    expect(flow.userRate()).toBe(2);
  });

  test('shows the state of the breaker as a metric', async () => {
    const { flow, metric } = make();
    expect(await metric('claim_breaker_open')).toBe(0);
    for (let i = 0; i < 10; i += 1)
      await flow.breaker.fire(() => Promise.reject(new Error('down'))).catch(() => undefined);
    expect(await metric('claim_breaker_open')).toBe(1);
    await pass(1_000);
    expect(await metric('claim_breaker_open')).toBe(0.5);
  });

  test('shares the limit of an instance under its name, and leases through the breaker', async () => {
    const { calls, flow } = make({ instance: { rate: 10, burst: 20 }, per_activity: { rate: 10, burst: 20 } });
    expect(flow.limits.check('', '42')).toBeNull();
    await flow.limits.ready('42');
    expect(flow.limits.check('', '42')).toBeNull();
    await flow.limits.ready('42');
    expect(flow.limits.check('', '42')).toEqual({ allowed: true });
    expect(calls).toEqual(['coupon:flow:lease:{activity:42}', 'coupon:flow:lease:{instance:an-instance}']);
  });

  test('outlives the loss of its connection with leases to renew', async () => {
    const { is, flow } = make({ instance: { rate: 1_000, burst: 1_000 } });
    await flow.component.start?.();
    flow.limits.check('', '1');
    await flow.limits.ready('1');
    expect(flow.limits.check('', '1')).toEqual({ allowed: true });
    is.connected = false;
    // The timer that renews and gives back leases runs meanwhile.
    await pass(5_000);
    expect(flow.limits.check('', '1')).toBeNull();
    await flow.limits.ready('1');
    expect(flow.limits.check('', '1')).toMatchObject({ allowed: false, limit: 'instance' });
    is.connected = true;
    await pass(1_000);
    if (flow.limits.check('', '1') === null) await flow.limits.ready('1');
    expect(flow.limits.check('', '1')).toEqual({ allowed: true });
  });

  test('looks at whoever waits ten times a second', async () => {
    const { flow, swept } = make();
    await flow.component.start?.();
    await pass(1_000);
    expect([swept.desk, swept.admits]).toEqual([10, 10]);
    await flow.component.close?.();
    await pass(1_000);
    expect([swept.desk, swept.admits]).toEqual([10, 10]);
  });

  test.each(['a lease', 'a reading'])(
    'a Redis that is silent to %s opens the breaker within a second',
    async (what) => {
      const { is, flow, swept } = make(what === 'a lease' ? { instance: { rate: 10, burst: 10 } } : {});
      await flow.component.start?.();
      if (what === 'a reading') {
        flow.filter.observe(ACTIVITY, { available: 0, ended: false });
        await pass(100);
        expect(flow.filter.filtering).toBe(1);
      }
      is.silent = true;
      if (what === 'a lease') expect(flow.limits.check('', '1')).toBeNull();
      else expect(flow.filter.hold(ACTIVITY, '5', 1, {} as never)).toBe(true);
      await pass(500);
      expect(flow.breaker.state()).toBe('closed');
      await pass(400);
      expect(flow.breaker.state()).toBe('open');
      expect(swept.passed).toBe(what === 'a reading' ? 1 : 0);
      expect(swept.refused).toBe(0);
    },
  );

  test('refuses for the filter what a reading shows sold out', async () => {
    const { flow, swept } = make();
    await flow.component.start?.();
    flow.filter.observe(ACTIVITY, { available: 0, ended: false });
    await pass(100);
    expect(flow.filter.hold(ACTIVITY, '5', 1, {} as never)).toBe(true);
    await pass(100);
    expect([swept.refused, swept.passed]).toEqual([1, 0]);
  });
});
