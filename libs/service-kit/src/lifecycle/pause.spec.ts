import { getEventListeners } from 'node:events';
import { pause } from './pause';

const LONG_MS = 3_600_000;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

it('ends after its delay, not before', async () => {
  const over = jest.fn();
  const { signal } = new AbortController();
  const pausing = pause(1_000, signal).then(over);
  await jest.advanceTimersByTimeAsync(999);
  expect(over).not.toHaveBeenCalled();
  await jest.advanceTimersByTimeAsync(1);
  await pausing;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('ends at once when the signal aborts, and leaves no timer behind', async () => {
  const stop = new AbortController();
  const pausing = pause(LONG_MS, stop.signal);
  stop.abort();
  await pausing;
  expect(jest.getTimerCount()).toBe(0);
});

it('does not begin when the signal has aborted', async () => {
  await pause(LONG_MS, AbortSignal.abort());
  expect(jest.getTimerCount()).toBe(0);
});
