import { BatchBreaker, isCircuitOpen } from './batch-breaker';
import type { BatchBreakerOptions } from './batch-breaker';

const fail = (): Promise<never> => Promise.reject(new Error('connection closed'));
const refusals = (): Promise<unknown> =>
  Promise.resolve({ kind: 'decided', outcomes: [{ kind: 'refused', code: 'SOLD_OUT' }] });

describe('BatchBreaker', () => {
  let breaker: BatchBreaker;
  let states: string[] = [];

  const make = (options: BatchBreakerOptions = {}): BatchBreaker => {
    states = [];
    breaker = new BatchBreaker(options, { nowMs: () => Date.now(), onState: (state) => states.push(state) });
    return breaker;
  };
  const fire = async (call: () => Promise<unknown>): Promise<'made' | 'failed' | 'open'> =>
    breaker.fire(call).then(
      () => 'made' as const,
      (error: unknown) => (isCircuitOpen(error) ? 'open' : 'failed'),
    );
  const times = async (count: number, call: () => Promise<unknown>): Promise<void> => {
    for (let i = 0; i < count; i += 1) await fire(call);
  };

  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    breaker.close();
    jest.useRealTimers();
  });

  it('opens at half of at least ten batches failed, not before', async () => {
    make();
    await times(5, refusals);
    await times(4, fail);
    expect(breaker.state()).toBe('closed');
    await times(1, fail);
    expect(breaker.state()).toBe('open');
    expect(states).toEqual(['open']);
  });

  it('stays closed at less than half, and below ten batches', async () => {
    make();
    await times(9, fail);
    expect(breaker.state()).toBe('closed');
    breaker.close();
    make();
    await times(60, refusals);
    await times(59, fail);
    expect(breaker.state()).toBe('closed');
  });

  it('business refusals are answers: they never open it', async () => {
    make();
    await times(1_000, refusals);
    expect(breaker.state()).toBe('closed');
  });

  it('forgets failures that left the rolling window', async () => {
    make();
    await times(9, fail);
    await jest.advanceTimersByTimeAsync(11_000);
    await times(9, fail);
    expect(breaker.state()).toBe('closed');
  });

  it('makes no call while open, tells when to come back, then makes exactly one', async () => {
    make();
    await times(10, fail);
    const call = jest.fn(fail);
    expect(await fire(call)).toBe('open');
    expect(call).not.toHaveBeenCalled();
    expect(breaker.admits()).toBe(false);
    expect(breaker.retryAfterMs()).toBe(1_000);
    await jest.advanceTimersByTimeAsync(400);
    expect(breaker.retryAfterMs()).toBe(600);
    await jest.advanceTimersByTimeAsync(600);
    expect(breaker.state()).toBe('half_open');
    expect(breaker.admits()).toBe(true);
    let answer = (_: unknown): void => undefined;
    const probe = fire(() => new Promise((resolve) => (answer = resolve)));
    expect(breaker.admits()).toBe(false);
    expect(breaker.retryAfterMs()).toBe(1_000);
    expect(await Promise.all([fire(call), fire(call)])).toEqual(['open', 'open']);
    expect(call).not.toHaveBeenCalled();
    answer('decided');
    expect(await probe).toBe('made');
    expect(breaker.state()).toBe('closed');
    expect(breaker.retryAfterMs()).toBe(0);
    expect(states).toEqual(['open', 'half_open', 'closed']);
  });

  it('probes every second, then ever more rarely up to a minute', async () => {
    make({ steadyProbes: 3 });
    await times(10, fail);
    const pauses: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      pauses.push(breaker.retryAfterMs());
      await jest.advanceTimersByTimeAsync(breaker.retryAfterMs() - 1);
      expect(breaker.state()).toBe('open');
      await jest.advanceTimersByTimeAsync(1);
      expect(await fire(fail)).toBe('failed');
    }
    expect(pauses).toEqual([1_000, 1_000, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]);
  });

  it('starts afresh once closed: one failure does not open it, and probes come every second again', async () => {
    make({ steadyProbes: 1 });
    await times(10, fail);
    for (const pause of [1_000, 2_000, 4_000]) {
      await jest.advanceTimersByTimeAsync(pause);
      if (pause < 4_000) await fire(fail);
    }
    expect(await fire(refusals)).toBe('made');
    expect(breaker.state()).toBe('closed');
    await times(9, fail);
    expect(breaker.state()).toBe('closed');
    await times(1, fail);
    expect(breaker.state()).toBe('open');
    expect(breaker.retryAfterMs()).toBe(1_000);
    await jest.advanceTimersByTimeAsync(1_000);
    await fire(fail);
    expect(breaker.retryAfterMs()).toBe(2_000);
  });

  it('has no timeout of its own', async () => {
    make();
    const slow = fire(() => new Promise((resolve) => setTimeout(resolve, 120_000)));
    await jest.advanceTimersByTimeAsync(120_000);
    expect(await slow).toBe('made');
  });

  describe('a store that does not answer', () => {
    const never = (): Promise<never> => new Promise(() => undefined);
    const ticks = (count: number): boolean[] => Array.from({ length: count }, () => breaker.tick());

    it('opens it after so many ticks without an answer, whatever was answered before', async () => {
      make({ silentTicks: 3 });
      await times(1_000, refusals);
      expect(ticks(10)).not.toContain(true);
      void fire(never);
      expect(ticks(3)).toEqual([false, false, false]);
      expect(breaker.state()).toBe('closed');
      expect(ticks(2)).toEqual([true, true]);
      expect(breaker.state()).toBe('open');
      expect(states).toEqual(['open']);
      expect(await fire(refusals)).toBe('open');
    });

    it('is not one that answers one call of several, or has none under way', async () => {
      make({ silentTicks: 3 });
      void fire(never);
      for (let i = 0; i < 5; i += 1) {
        expect(ticks(3)).not.toContain(true);
        await fire(refusals);
      }
      const slow = fire(() => new Promise((resolve) => setTimeout(resolve, 50)));
      ticks(3);
      await jest.advanceTimersByTimeAsync(50);
      expect(await slow).toBe('made');
      expect(ticks(1)).toEqual([false]);
      expect(breaker.state()).toBe('closed');
    });

    it('is not found to answer by calls that fail', async () => {
      make({ silentTicks: 3, minBatches: 1_000 });
      void fire(never);
      expect(ticks(3)).not.toContain(true);
      await times(5, fail);
      expect(ticks(1)).toEqual([true]);
    });

    it('closes it with the first answer, also of a call from before it opened, and without waiting for a probe', async () => {
      make({ silentTicks: 3 });
      let answer = (_: unknown): void => undefined;
      const hanging = fire(() => new Promise((resolve) => (answer = resolve)));
      ticks(4);
      expect(breaker.admits()).toBe(false);
      answer('decided');
      expect(await hanging).toBe('made');
      expect(breaker.state()).toBe('closed');
      expect(breaker.admits()).toBe(true);
      expect(ticks(1)).toEqual([false]);
      // One that opened for failures is closed by a probe only.
      await times(10, fail);
      expect(breaker.state()).toBe('open');
    });

    it('is found silent again while it is probed', async () => {
      make({ silentTicks: 3 });
      void fire(never);
      ticks(4);
      await jest.advanceTimersByTimeAsync(1_000);
      expect(breaker.state()).toBe('half_open');
      expect(ticks(1)).toEqual([true]);
      expect(breaker.state()).toBe('open');
      expect(breaker.retryAfterMs()).toBe(1_000);
    });

    it('answers to calls of before do not close it when it opened for failures', async () => {
      make();
      let answer = (_: unknown): void => undefined;
      const hanging = fire(() => new Promise((resolve) => (answer = resolve)));
      await times(10, fail);
      answer('decided');
      await hanging;
      expect(breaker.state()).toBe('open');
    });
  });

  it('takes other thresholds while it runs', async () => {
    make();
    await times(6, refusals);
    await times(2, fail);
    breaker.reconfigure({ failurePercent: 30, minBatches: 9 });
    await times(1, fail);
    expect(breaker.state()).toBe('open');
  });

  it('leaves no timer behind', () => {
    make();
    breaker.close();
    expect(jest.getTimerCount()).toBe(0);
  });
});
