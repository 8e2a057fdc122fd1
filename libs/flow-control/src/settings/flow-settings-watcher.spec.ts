import type { StoredFlowSettings } from '@coupon/lua';
import { DEFAULT_FLOW_SETTINGS, encodeFlowSettings } from './flow-settings';
import { FlowSettingsWatcher } from './flow-settings-watcher';

type Stored = Pick<StoredFlowSettings, 'version' | 'body'>;

const stored = (version: number, perUser: number): Stored => ({
  version,
  body: encodeFlowSettings({ per_user: perUser }),
});

describe('FlowSettingsWatcher', () => {
  let read: () => Promise<Stored | null>;
  const applied: [number, number][] = [];
  const errors: unknown[] = [];
  let watcher: FlowSettingsWatcher;

  beforeEach(() => {
    jest.useFakeTimers();
    applied.length = 0;
    errors.length = 0;
    read = () => Promise.resolve(null);
    watcher = new FlowSettingsWatcher({
      store: { read: () => read() },
      defaults: DEFAULT_FLOW_SETTINGS,
      apply: (settings, version) => applied.push([version, settings.per_user]),
      onError: (error) => errors.push(error),
    });
  });
  afterEach(() => {
    watcher.stop();
    jest.useRealTimers();
  });

  it('starts with the defaults when nothing is stored, and has a change in force within 1.5 s', async () => {
    await watcher.start();
    expect(applied).toEqual([[0, 5]]);
    read = () => Promise.resolve(stored(1, 7));
    await jest.advanceTimersByTimeAsync(1_500);
    expect(applied).toEqual([
      [0, 5],
      [1, 7],
    ]);
    expect(watcher.current()).toMatchObject({ version: 1, settings: { per_user: 7 } });
    await jest.advanceTimersByTimeAsync(5_000);
    expect(applied).toHaveLength(2);
  });

  it('keeps the last settings while readings fail, and takes up the next change', async () => {
    read = () => Promise.resolve(stored(3, 7));
    await watcher.start();
    read = () => Promise.reject(new Error('down'));
    await jest.advanceTimersByTimeAsync(3_000);
    expect(watcher.current()).toMatchObject({ version: 3, settings: { per_user: 7 } });
    expect(errors).toHaveLength(3);
    read = () => Promise.resolve(stored(4, 8));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(applied).toEqual([
      [3, 7],
      [4, 8],
    ]);
  });

  it('keeps the last settings when what is stored makes no sense, and says so once', async () => {
    await watcher.start();
    read = () => Promise.resolve({ version: 1, body: '{"queue_size":-1}' });
    await jest.advanceTimersByTimeAsync(4_000);
    expect(applied).toEqual([[0, 5]]);
    expect(errors).toHaveLength(1);
    read = () => Promise.resolve(stored(2, 9));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(applied).toEqual([
      [0, 5],
      [2, 9],
    ]);
  });

  it('takes up other settings under a version it knows: a Redis that lost them counts anew', async () => {
    read = () => Promise.resolve(stored(1, 7));
    await watcher.start();
    read = () => Promise.resolve(stored(1, 8));
    await jest.advanceTimersByTimeAsync(2_000);
    expect(applied).toEqual([
      [1, 7],
      [1, 8],
    ]);
  });

  it('goes back to the defaults when nothing is stored any more, and says what part is stored', async () => {
    const parts: unknown[] = [];
    const other = new FlowSettingsWatcher({
      store: { read: () => read() },
      defaults: { ...DEFAULT_FLOW_SETTINGS, per_user: 3, queue_size: 11 },
      apply: (settings, _version, part) => parts.push([settings.per_user, settings.queue_size, part]),
      onError: (error) => errors.push(error),
    });
    read = () => Promise.resolve(stored(1, 7));
    await other.start();
    read = () => Promise.resolve(null);
    await jest.advanceTimersByTimeAsync(1_000);
    other.stop();
    expect(parts).toEqual([
      [7, 11, { per_user: 7 }],
      [3, 11, {}],
    ]);
  });

  it('does not wait for a reading that hangs, nor lets it undo a later one', async () => {
    let late = (_: Stored): void => undefined;
    read = () => new Promise((resolve) => (late = resolve));
    const started = watcher.start();
    await jest.advanceTimersByTimeAsync(500);
    await started;
    read = () => Promise.resolve(stored(2, 9));
    await jest.advanceTimersByTimeAsync(1_000);
    late(stored(1, 8));
    await jest.advanceTimersByTimeAsync(0);
    expect(applied).toEqual([[2, 9]]);
  });

  it('leaves no timer behind', async () => {
    await watcher.start();
    watcher.stop();
    expect(jest.getTimerCount()).toBe(0);
  });
});
