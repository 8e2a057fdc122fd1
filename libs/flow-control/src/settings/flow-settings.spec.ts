import { InvalidArgumentError } from '@coupon/domain';
import { z } from 'zod';
import {
  DEFAULT_FLOW_SETTINGS,
  changeStoredFlowSettings,
  decodeFlowSettings,
  encodeFlowSettings,
  flowSettingsChangeShape,
  patchFlowSettings,
} from './flow-settings';
import type { FlowSettings, FlowSettingsChange } from './flow-settings';

const change = z.strictObject(flowSettingsChangeShape);

function problems(value: unknown): readonly string[] {
  const issues = change.safeParse(value).error?.issues ?? [];
  return issues.map((issue) =>
    [...issue.path, ...(issue.code === 'unrecognized_keys' ? issue.keys : [])].map(String).join('.'),
  );
}

/** What gateways with `base` as their defaults use after these changes, one after the other. */
function after(base: FlowSettings, ...changes: readonly unknown[]): FlowSettings {
  let body: string | null = null;
  for (const one of changes) body = changeStoredFlowSettings(body, change.parse(one));
  return patchFlowSettings(base, decodeFlowSettings(body ?? '{}'));
}

const LIMITED: FlowSettings = { ...DEFAULT_FLOW_SETTINGS, instance: { rate: 100, burst: 200 }, queue_size: 77 };

describe('flow settings', () => {
  it('a change touches what it names, and leaves every other setting to the defaults of each gateway', () => {
    expect(after(LIMITED, { per_activity: { rate: 500, burst: 1_000 } }, { per_user: 3 })).toEqual({
      ...LIMITED,
      per_activity: { rate: 500, burst: 1_000 },
      per_user: 3,
    });
  });

  it('"off" switches a limit off, null brings the default back, also where the default is a limit', () => {
    expect(after(LIMITED, { instance: 'off' }).instance).toBeNull();
    expect(after(LIMITED, { instance: 'off', queue_size: 5 }, { instance: null, queue_size: null })).toEqual(LIMITED);
    expect(changeStoredFlowSettings('{"per_user":3}', { per_user: null })).toBe('{}');
  });

  it('a change keeps what only a newer version knows', () => {
    const body = changeStoredFlowSettings('{"per_planet":3,"per_user":1}', { per_user: 2 });
    expect(JSON.parse(body)).toEqual({ per_planet: 3, per_user: 2 });
  });

  it.each([
    [{ instance: { rate: 0, burst: 1 } }, ['instance.rate']],
    [{ instance: { rate: 1 } }, ['instance.burst']],
    [{ instance: 'on' }, ['instance']],
    [{ instance: [1] }, ['instance']],
    [{ per_address: 7 }, ['per_address']],
    [{ per_user: -1, queue_size: 1.5 }, ['per_user', 'queue_size']],
    [{ shed_threshold: 1 }, ['shed_threshold']],
    [{ breaker: { failure_percent: 0 } }, ['breaker.failure_percent', 'breaker.min_batches']],
    [{ per_usr: 3 }, ['per_usr']],
    [{ instance: { rate: 1, burst: 1, window: 3 } }, ['instance.window']],
    [{ per_user: 'off' }, ['per_user']],
  ])('names what is wrong in %j', (value, fields) => {
    expect(problems(value)).toEqual(fields);
  });

  it('says in a sentence what a value must be', () => {
    expect(change.safeParse({ per_user: -1 }).error?.issues[0]?.message).toBe(
      'must be a whole number from 0 to 1000000',
    );
  });

  it('reads back what it wrote', () => {
    const settings = { per_activity: { rate: 7, burst: 9 }, instance: null, shed_threshold: 0.5 };
    expect(decodeFlowSettings(encodeFlowSettings(settings))).toEqual(settings);
  });

  it('reads what a newer version wrote, which has one more', () => {
    expect(decodeFlowSettings('{"per_planet":3,"queue_size":9}')).toEqual({ queue_size: 9 });
  });

  it.each(['{', '[]', 'null', '{"queue_size":0}', '{"instance":{"rate":1}}'])(
    'refuses stored text that makes no sense: %s',
    (body) => {
      expect(() => decodeFlowSettings(body)).toThrow(InvalidArgumentError);
    },
  );

  it.each(['{', '[]', 'null'])('changes nothing in stored text that is no object: %s', (body) => {
    const wanted: FlowSettingsChange = { per_user: 1 };
    expect(() => changeStoredFlowSettings(body, wanted)).toThrow(InvalidArgumentError);
    expect(changeStoredFlowSettings(null, wanted)).toBe('{"per_user":1}');
  });
});
