import { pino } from 'pino';
import { AppError } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import { runSchedule } from './run-schedule.use-case';
import type { ScheduleDeps } from './run-schedule.use-case';

const ID = '7' as ActivityId;
const END_MS = 10_000;

/** An activity whose end has come by the database's clock. @returns how many operations were asked for. */
async function endsAskedFor(options: {
  readonly loaded: boolean;
  readonly snapshot: () => Promise<{ nowMs: number; endMs: number } | null>;
}): Promise<number> {
  let asked = 0;
  const none = (): Promise<[]> => Promise.resolve([]);
  const database = {
    operations: { due: none, failedSince: () => Promise.resolve(false) },
    activities: {
      dueToEnd: () => Promise.resolve([ID]),
      dueToStart: none,
      dueToLoad: none,
      get: () => Promise.resolve({ id: ID, loadedAtMs: options.loaded ? 1 : null }),
    },
    transaction: () => {
      asked += 1;
      return Promise.reject(new AppError('CONFLICT', 'far enough'));
    },
  };
  await runSchedule({
    database,
    store: { snapshot: options.snapshot },
    clock: { nowMs: () => 0 },
    logger: pino({ level: 'silent' }),
  } as unknown as ScheduleDeps);
  return asked;
}

it.each([
  ['not before Redis’ clock has reached the end', END_MS - 1, 0],
  ['once it has', END_MS, 1],
])('ends by the clock %s', async (_when, nowMs, asked) => {
  const snapshot = () => Promise.resolve({ nowMs, endMs: END_MS });
  expect(await endsAskedFor({ loaded: true, snapshot })).toBe(asked);
});

it('ends what is not in Redis, and what never was without asking Redis', async () => {
  expect(await endsAskedFor({ loaded: true, snapshot: () => Promise.resolve(null) })).toBe(1);
  expect(await endsAskedFor({ loaded: false, snapshot: () => Promise.reject(new Error('away')) })).toBe(1);
});

it('leaves it for a later round while Redis does not answer', async () => {
  expect(await endsAskedFor({ loaded: true, snapshot: () => Promise.reject(new Error('away')) })).toBe(0);
});
