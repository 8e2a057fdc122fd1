import { pino } from 'pino';
import type { Clock } from '../clock';
import { Ticker } from './ticker';

/** Runs what is due when told to. */
function manualClock(): Clock & { fire(): void } {
  let due: (() => void) | undefined;
  return {
    nowMs: () => 0,
    after: (_delayMs, callback) => {
      due = callback;
      return () => {
        due = undefined;
      };
    },
    fire: () => {
      const callback = due;
      due = undefined;
      callback?.();
    },
  };
}

const logger = pino({ level: 'silent' });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('never runs two rounds at once, and goes on after one that failed', async () => {
  const clock = manualClock();
  let rounds = 0;
  let finish = (): void => undefined;
  const ticker = new Ticker({
    name: 't',
    intervalMs: 1,
    clock,
    logger,
    round: () => {
      rounds += 1;
      if (rounds === 1) return Promise.reject(new Error('first'));
      return new Promise((resolve) => {
        finish = resolve;
      });
    },
  });
  ticker.start();
  await turn();
  clock.fire();
  clock.fire();
  await turn();
  expect(rounds).toBe(2);
  finish();
  await turn();
  clock.fire();
  expect(rounds).toBe(3);
  finish();
  ticker.close();
});

it('waits at the end for the round under way, and starts none after it', async () => {
  const clock = manualClock();
  let stoppedSeen = false;
  let rounds = 0;
  let finish = (): void => undefined;
  const ticker = new Ticker({
    name: 't',
    intervalMs: 1,
    clock,
    logger,
    round: async (stopped) => {
      rounds += 1;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      stoppedSeen = stopped();
    },
  });
  ticker.start();
  ticker.stopIntake();
  const drained = ticker.drain();
  finish();
  await drained;
  clock.fire();
  expect([stoppedSeen, rounds]).toEqual([true, 1]);
});
