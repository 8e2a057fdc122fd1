import { Turnstile } from './turnstile';

/** A clock that stands still; `pass` lets the timers of that time ring. */
function stoppedClock() {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly ring: () => void }>();
  return {
    timers,
    nowMs: () => now,
    after: (delayMs: number, ring: () => void) => {
      const timer = { at: now + delayMs, ring };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    pass: (ms: number) => {
      now += ms;
      for (const timer of [...timers]) {
        if (timer.at > now) continue;
        timers.delete(timer);
        timer.ring();
      }
    },
  };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Turnstile', () => {
  test('lets so many in at once, and the next one when one leaves, in the order of arrival', async () => {
    const turnstile = new Turnstile(stoppedClock(), 2);
    const inside: number[] = [];
    for (const visitor of [1, 2, 3, 4]) void turnstile.enter('a', 100).then(() => inside.push(visitor));
    await settled();
    expect(inside).toEqual([1, 2]);
    turnstile.leave('a');
    // Who comes now does not overtake.
    void turnstile.enter('a', 100).then(() => inside.push(5));
    await settled();
    expect(inside).toEqual([1, 2, 3]);
    turnstile.leave('a');
    turnstile.leave('a');
    await settled();
    expect(inside).toEqual([1, 2, 3, 4, 5]);
  });

  test('has a line for each key', async () => {
    const turnstile = new Turnstile(stoppedClock(), 1);
    expect(await turnstile.enter('a', 100)).toBe(true);
    expect(await turnstile.enter('b', 100)).toBe(true);
  });

  test('sends away who waits past the deadline, and gives the place to nobody who has gone', async () => {
    const clock = stoppedClock();
    const turnstile = new Turnstile(clock, 1);
    await turnstile.enter('a', 100);
    const tired = turnstile.enter('a', 100);
    const patient = turnstile.enter('a', 1_000);
    clock.pass(100);
    expect(await tired).toBe(false);
    turnstile.leave('a');
    expect(await patient).toBe(true);
    expect(clock.timers.size).toBe(0);
    turnstile.leave('a');
    expect(await turnstile.enter('a', 1_000)).toBe(true);
  });

  test('lets nobody wait whose deadline is over', async () => {
    const clock = stoppedClock();
    const turnstile = new Turnstile(clock, 1);
    await turnstile.enter('a', 100);
    clock.pass(200);
    const late = turnstile.enter('a', 100);
    clock.pass(0);
    expect(await late).toBe(false);
  });
});
