import fc from 'fast-check';
import { OpenLoopSchedule } from './open-loop-schedule';

/** The next smaller double of a positive number. */
function justBefore(value: number): number {
  const bits = new BigUint64Array(new Float64Array([value]).buffer);
  bits[0] = (bits[0] as bigint) - 1n;
  return new Float64Array(bits.buffer)[0] as number;
}

describe('OpenLoopSchedule', () => {
  const plan = fc.record({
    rate: fc.double({ min: 0.5, max: 100_000, noNaN: true }),
    start: fc.double({ min: 0, max: 1e7, noNaN: true }),
    total: fc.integer({ min: 0, max: 5_000 }),
  });

  it('has due exactly the arrivals whose intended time has come', () => {
    fc.assert(
      fc.property(plan, fc.double({ min: -0.1, max: 1.2, noNaN: true }), ({ rate, start, total }, share) => {
        const schedule = new OpenLoopSchedule(rate, start, total);
        const nowMs = start + (share * total * 1_000) / rate;
        const due = schedule.due(nowMs);
        if (due > 0) expect(schedule.intendedMs(due - 1)).toBeLessThanOrEqual(nowMs);
        if (due < total) expect(schedule.intendedMs(due)).toBeGreaterThan(nowMs);
      }),
      { numRuns: 1_000 },
    );
  });

  it('also at the very moment of an arrival, and at the last one before it', () => {
    fc.assert(
      fc.property(plan, fc.nat(), ({ rate, start, total }, n) => {
        const schedule = new OpenLoopSchedule(rate, start, total + 1);
        const arrival = n % (total + 1);
        const atMs = schedule.intendedMs(arrival);
        expect(schedule.due(atMs)).toBeGreaterThan(arrival);
        if (atMs > 0) expect(schedule.intendedMs(schedule.due(justBefore(atMs)) - 1)).not.toBe(atMs);
      }),
      { numRuns: 2_000 },
    );
  });

  it('does not slow down for a late look: what was missed is due at once, at its own time', () => {
    const schedule = new OpenLoopSchedule(1_000, 100, 50);
    expect(schedule.due(99.9)).toBe(0);
    expect(schedule.due(100)).toBe(1);
    expect(schedule.due(110)).toBe(11);
    expect(schedule.intendedMs(5)).toBe(105);
    expect(schedule.due(1e9)).toBe(50);
  });

  it('refuses a rate that is none', () => {
    expect(() => new OpenLoopSchedule(0, 0, 1)).toThrow('ratePerSecond');
  });
});
