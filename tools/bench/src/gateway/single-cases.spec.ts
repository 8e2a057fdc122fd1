import { fullRateAfter } from './single-cases';

const timeline = (...accepted: number[]): { timeline: Record<string, number>[] } => ({
  timeline: accepted.map((OK) => ({ OK })),
});

describe('fullRateAfter', () => {
  it('is the end of the last half second that had too few', () => {
    expect(fullRateAfter(timeline(1_000, 1_000, 1_000, 3), 2_000)).toBe(0);
    expect(fullRateAfter(timeline(100, 1_000, 940, 1_000, 960, 3), 2_000)).toBe(1.5);
  });

  it('is the whole run when the rate never came', () => {
    expect(fullRateAfter(timeline(10, 10, 10, 3), 2_000)).toBe(1.5);
  });
});
