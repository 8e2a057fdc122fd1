import { InvalidArgumentError } from '@coupon/domain';
import {
  DEFAULT_FLOW_SETTINGS,
  decodeFlowSettings,
  encodeFlowSettings,
  parseFlowSettingsPatch,
  patchFlowSettings,
} from './flow-settings';

const problems = (value: unknown): readonly string[] => {
  try {
    parseFlowSettingsPatch(value);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return error.violations.map(({ field }) => field);
  }
};

describe('flow settings', () => {
  it('a patch changes what it names, switches off what is null, and leaves the rest', () => {
    const on = patchFlowSettings(
      DEFAULT_FLOW_SETTINGS,
      parseFlowSettingsPatch({ instance: { rate: 500, burst: 1_000 }, per_user: 3 }),
    );
    expect(on).toEqual({ ...DEFAULT_FLOW_SETTINGS, instance: { rate: 500, burst: 1_000 }, per_user: 3 });
    expect(patchFlowSettings(on, parseFlowSettingsPatch({ instance: null, queue_size: undefined }))).toEqual({
      ...DEFAULT_FLOW_SETTINGS,
      per_user: 3,
    });
  });

  it.each([
    [{ instance: { rate: 0, burst: 1 } }, ['instance.rate']],
    [{ instance: { rate: 1 } }, ['instance.burst']],
    [{ per_user: -1, queue_size: 1.5 }, ['per_user', 'queue_size']],
    [{ shed_threshold: 1 }, ['shed_threshold']],
    [{ per_usr: 3 }, ['per_usr']],
    [{ instance: { rate: 1, burst: 1, window: 3 } }, ['instance.window']],
    [{ per_activity: 5 }, ['per_activity']],
    ['nonsense', ['settings']],
  ])('names what is wrong in %j', (value, fields) => {
    expect(problems(value)).toEqual(fields);
  });

  it('reads back what it wrote', () => {
    const settings = patchFlowSettings(DEFAULT_FLOW_SETTINGS, {
      per_activity: { rate: 7, burst: 9 },
      shed_threshold: 0.5,
    });
    expect(decodeFlowSettings(encodeFlowSettings(settings), DEFAULT_FLOW_SETTINGS)).toEqual(settings);
  });

  it('reads what an older version wrote, which lacks a setting, and what a newer one wrote, which has one more', () => {
    const { breaker: _, ...older } = DEFAULT_FLOW_SETTINGS;
    expect(decodeFlowSettings(JSON.stringify(older), DEFAULT_FLOW_SETTINGS)).toEqual(DEFAULT_FLOW_SETTINGS);
    const newer = { ...DEFAULT_FLOW_SETTINGS, per_planet: 3 };
    expect(decodeFlowSettings(JSON.stringify(newer), DEFAULT_FLOW_SETTINGS)).toEqual(DEFAULT_FLOW_SETTINGS);
  });

  it.each(['{', '[]', 'null', '{"queue_size":0}'])('refuses stored text that makes no sense: %s', (body) => {
    expect(() => decodeFlowSettings(body, DEFAULT_FLOW_SETTINGS)).toThrow(InvalidArgumentError);
  });
});
