import { ReferenceLeaseBucket } from '@coupon/testing';
import { DEFAULT_FLOW_SETTINGS } from '../settings/flow-settings';
import type { FlowSettings } from '../settings/flow-settings';
import { ClaimLimits } from './claim-limits';

function limitsOf(over: Partial<FlowSettings>, buckets = new Map<string, ReferenceLeaseBucket>(), id = 'a') {
  const clock = { nowMs: 1_000_000 };
  const limits = new ClaimLimits(
    {
      nowMs: () => clock.nowMs,
      lease: async (name, call) => {
        const bucket = buckets.get(name) ?? new ReferenceLeaseBucket();
        buckets.set(name, bucket);
        return bucket.lease({ ...call, nowUs: clock.nowMs * 1_000 });
      },
      onError: (error) => {
        throw error;
      },
    },
    { instanceId: id, processId: id },
  );
  limits.apply({ ...DEFAULT_FLOW_SETTINGS, ...over });
  const ask = async (address: string, activity = '1') => {
    for (;;) {
      const decision = limits.check(address, activity);
      if (decision !== null) return decision;
      await limits.ready(activity);
    }
  };
  return { limits, ask, clock, buckets };
}

const two = { rate: 1, burst: 2 };

describe('ClaimLimits', () => {
  let open: ClaimLimits[] = [];
  const make = (...args: Parameters<typeof limitsOf>): ReturnType<typeof limitsOf> => {
    const made = limitsOf(...args);
    open.push(made.limits);
    return made;
  };
  afterEach(async () => {
    await Promise.all(open.map((limits) => limits.close()));
    open = [];
  });

  it('lets everything pass by default', () => {
    const { limits } = make({});
    for (let i = 0; i < 1_000; i += 1) expect(limits.check('10.0.0.1', '1')).toEqual({ allowed: true });
  });

  it.each([
    { limit: 'address', over: { per_address: two }, other: ['10.0.0.2', '1'] as [string, string] | null },
    { limit: 'activity', over: { per_activity: two }, other: ['10.0.0.1', '2'] as [string, string] | null },
    { limit: 'instance', over: { instance: two }, other: null as [string, string] | null },
  ])('says which limit and when to come back ($limit)', async ({ limit, over, other }) => {
    const { ask, clock } = make(over);
    expect(await ask('10.0.0.1')).toEqual({ allowed: true });
    expect(await ask('10.0.0.1')).toEqual({ allowed: true });
    const refused = await ask('10.0.0.1');
    expect(refused).toEqual({ allowed: false, limit, retryAfterMs: 1_000 });
    if (other !== null) expect(await ask(...other)).toEqual({ allowed: true });
    clock.nowMs += 1_000;
    expect(await ask('10.0.0.1')).toEqual({ allowed: true });
  });

  it('does not limit a claim without an address by address', async () => {
    const { ask } = make({ per_address: two });
    for (let i = 0; i < 5; i += 1) expect(await ask('')).toEqual({ allowed: true });
  });

  it('a claim that one limit refuses costs nothing at the others', async () => {
    const { ask } = make({ per_address: two, per_activity: { rate: 1, burst: 3 }, instance: { rate: 1, burst: 4 } });
    for (const activity of ['1', '1']) expect(await ask('10.0.0.1', activity)).toEqual({ allowed: true });
    for (let i = 0; i < 5; i += 1) expect(await ask('10.0.0.1', '1')).toMatchObject({ limit: 'address' });
    expect(await ask('10.0.0.2', '1')).toEqual({ allowed: true });
    for (let i = 0; i < 5; i += 1) expect(await ask('10.0.0.2', '1')).toMatchObject({ limit: 'activity' });
    expect(await ask('10.0.0.2', '2')).toEqual({ allowed: true });
    for (let i = 0; i < 5; i += 1) expect(await ask('10.0.0.3', '2')).toMatchObject({ limit: 'instance' });
  });

  it('keeps what was used when a limit changes, and starts or ends limits', async () => {
    const { limits, ask } = make({ per_address: two });
    for (let i = 0; i < 2; i += 1) expect(await ask('10.0.0.1')).toEqual({ allowed: true });
    limits.apply({ ...DEFAULT_FLOW_SETTINGS, per_address: { rate: 1, burst: 3 } });
    expect(await ask('10.0.0.1')).toEqual({ allowed: true });
    expect(await ask('10.0.0.1')).toMatchObject({ limit: 'address' });
    limits.apply({ ...DEFAULT_FLOW_SETTINGS, instance: { rate: 1, burst: 1 } });
    expect(await ask('10.0.0.1')).toEqual({ allowed: true });
    expect(await ask('10.0.0.1')).toMatchObject({ limit: 'instance' });
    limits.apply(DEFAULT_FLOW_SETTINGS);
    expect(await ask('10.0.0.1')).toEqual({ allowed: true });
  });

  it('shares the limit of an activity with other instances, not that of an instance', async () => {
    const buckets = new Map<string, ReferenceLeaseBucket>();
    const { ask } = make({ per_activity: two, instance: { rate: 1, burst: 9 } }, buckets);
    const other = make({ per_activity: two, instance: { rate: 1, burst: 9 } }, buckets, 'b');
    for (let i = 0; i < 2; i += 1) expect(await ask('', '1')).toEqual({ allowed: true });
    expect(await other.ask('', '1')).toMatchObject({ limit: 'activity' });
    expect(await other.ask('', '2')).toEqual({ allowed: true });
    expect([...buckets.keys()].sort()).toEqual(['activity:1', 'activity:2', 'instance:a', 'instance:b']);
  });
});
