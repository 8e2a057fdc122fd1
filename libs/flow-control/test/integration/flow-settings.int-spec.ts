import { FlowSettingsStore } from '@coupon/lua';
import { eventually } from '@coupon/testing';
import { DEFAULT_FLOW_SETTINGS, encodeFlowSettings, patchFlowSettings } from '../../src/settings/flow-settings';
import { FlowSettingsWatcher } from '../../src/settings/flow-settings-watcher';
import { useFlow } from './fixture';

const flow = useFlow();

test('every instance follows a change within two seconds, also after its Redis was away', async () => {
  const errors: unknown[] = [];
  const connections = await Promise.all([flow.connect(), flow.connect()]);
  const watchers = connections.map(
    (redis) =>
      new FlowSettingsWatcher({
        store: new FlowSettingsStore(redis),
        defaults: DEFAULT_FLOW_SETTINGS,
        apply: () => undefined,
        onError: (error) => errors.push(error),
      }),
  );
  await Promise.all(watchers.map((watcher) => watcher.start()));
  expect(watchers.map((watcher) => watcher.current().version)).toEqual([0, 0]);

  const admin = new FlowSettingsStore(await flow.connect());
  const change = async (version: number, rate: number): Promise<void> => {
    const settings = patchFlowSettings(DEFAULT_FLOW_SETTINGS, { instance: { rate, burst: 10 } });
    expect(await admin.write(version, encodeFlowSettings(settings), 'operator')).toMatchObject({ kind: 'stored' });
    await eventually(
      () => {
        for (const watcher of watchers) expect(watcher.current().settings.instance?.rate).toBe(rate);
      },
      { timeoutMs: 2_000 },
    );
  };
  await change(0, 7);
  connections[0]?.disconnect(true);
  await change(1, 8);
  for (const watcher of watchers) watcher.stop();
});
