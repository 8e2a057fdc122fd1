import { brokenBound } from './bucket-bound';

const at = (ms: number): { sentMs: number; answeredMs: number } => ({ sentMs: ms - 1, answeredMs: ms + 1 });

describe('the bound of a token bucket', () => {
  test('holds for a burst and the rate after it, and not for two more', () => {
    const burst = Array.from({ length: 10 }, () => at(0));
    const later = Array.from({ length: 20 }, (_, i) => at(100 * (i + 1)));
    const limit = { rate: 10, burst: 10 };
    expect(brokenBound([...burst, ...later], limit)).toBeUndefined();
    expect(brokenBound([...burst, ...later, at(1_000), at(1_000)], limit)).toMatchObject({ fromMs: -1 });
  });

  test('is asked of every stretch, not only of the whole time', () => {
    const quiet = Array.from({ length: 12 }, () => at(60_000));
    expect(brokenBound([at(0), ...quiet], { rate: 10, burst: 10 })).toMatchObject({ fromMs: 59_999, count: 12 });
  });
});
