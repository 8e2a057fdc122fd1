import { backoffDelayMs } from './backoff';

describe('backoffDelayMs', () => {
  it('doubles up to the maximum and is random in its upper half', () => {
    const least = [1, 2, 3, 10, 1000].map((n) =>
      backoffDelayMs(n, { minDelayMs: 100, maxDelayMs: 1000, random: () => 0 }),
    );
    const most = [1, 2, 3, 10, 1000].map((n) =>
      backoffDelayMs(n, { minDelayMs: 100, maxDelayMs: 1000, random: () => 1 }),
    );
    expect(least).toEqual([50, 100, 200, 500, 500]);
    expect(most).toEqual([100, 200, 400, 1000, 1000]);
  });
});
