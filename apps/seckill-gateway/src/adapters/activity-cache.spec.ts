import type { Freshness } from '@coupon/cache';
import { AppError } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import { directoryOver, knownNotLoaded, openActivityCache, startsOver } from './activity-cache';
import type { AdminAnswer, AskAdmin } from './admin-activity-directory';

const ID = '7' as ActivityId;
const SETTINGS = { l1WeightBytes: 65_536, l1TtlMs: 60_000 };
const notFound: AskAdmin = () => Promise.reject(new AppError('ACTIVITY_NOT_FOUND', 'no such activity'));

function world(ask: AskAdmin) {
  const freshness: { fresh: boolean; lapses: number } & Freshness = {
    fresh: true,
    lapses: 0,
    isHearing: () => freshness.fresh,
    isFresh: () => freshness.fresh,
  };
  const asked: string[] = [];
  const cache = openActivityCache(
    (id) => {
      asked.push(id);
      return ask(id);
    },
    SETTINGS,
    freshness,
  );
  const failures: unknown[] = [];
  const directory = directoryOver(
    cache,
    { whyNotLoaded: () => Promise.resolve('NOT_READY') },
    () => freshness.fresh,
    (error) => failures.push(error),
  );
  const starts = startsOver(
    cache,
    () => freshness.fresh,
    (error) => failures.push(error),
  );
  return { freshness, asked, cache, failures, directory, starts };
}

describe('the cache of activities', () => {
  it.each<[string, AskAdmin, string]>([
    ['over for good', () => Promise.resolve({ over: true }), 'ENDED'],
    ['not over', () => Promise.resolve({ over: false }), 'NOT_READY'],
    ['not said by an older coupon-admin', () => Promise.resolve({}), 'NOT_READY'],
    ['unknown', notFound, 'ACTIVITY_NOT_FOUND'],
  ])('an activity that is %s is asked about once', async (_what, ask, code) => {
    const { directory, asked } = world(ask);
    expect(await directory.whyNotLoaded(ID)).toBe(code);
    expect(await directory.whyNotLoaded(ID)).toBe(code);
    expect(asked).toEqual([ID]);
  });

  it('an activity that nobody can be asked about is not ready, and asked about again', async () => {
    const { directory, asked, failures } = world(() => Promise.reject(new AppError('NOT_READY', 'away')));
    expect(await directory.whyNotLoaded(ID)).toBe('NOT_READY');
    expect(await directory.whyNotLoaded(ID)).toBe('NOT_READY');
    expect([asked.length, failures.length]).toEqual([2, 2]);
  });

  it('only an activity that does not exist is refused without asking, until its row is announced', async () => {
    let exists = false;
    const { directory, cache } = world((id) => (exists ? Promise.resolve({ over: true }) : notFound(id)));
    expect(knownNotLoaded(cache, ID)).toBeUndefined();
    await directory.whyNotLoaded(ID);
    expect(knownNotLoaded(cache, ID)).toBe('ACTIVITY_NOT_FOUND');
    exists = true;
    cache.drop([ID], 'created');
    expect(knownNotLoaded(cache, ID)).toBeUndefined();
    expect(await directory.whyNotLoaded(ID)).toBe('ENDED');
    // Winners of an activity that is over may find their receipts.
    expect(knownNotLoaded(cache, ID)).toBeUndefined();
  });

  it('nothing is refused on what was known before changes stopped being heard', async () => {
    const { directory, cache, freshness } = world(notFound);
    await directory.whyNotLoaded(ID);
    freshness.fresh = false;
    expect(knownNotLoaded(cache, ID)).toBeUndefined();
    expect(await directory.whyNotLoaded(ID)).toBe('NOT_READY');
    freshness.fresh = true;
    freshness.lapses += 1;
    expect(knownNotLoaded(cache, ID)).toBeUndefined();
  });

  it('made-up ids are at most fifty questions at a time', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const { directory, asked } = world(async () => {
      await gate;
      return { over: true };
    });
    const verdicts = Array.from({ length: 60 }, (_, n) => directory.whyNotLoaded(String(n + 1) as ActivityId));
    release();
    const all = await Promise.all(verdicts);
    expect(asked.length).toBe(50);
    expect(all.filter((code) => code === 'NOT_READY')).toHaveLength(10);
  });

  it.each<[string, AdminAnswer, number | undefined]>([
    ['waits in Redis', { awaitsStart: true, startTime: '1970-01-01T00:00:09.000Z' }, 9_000],
    ['is not loaded, or about to be opened', { awaitsStart: false, startTime: '1970-01-01T00:00:09.000Z' }, undefined],
    ['is told of by an older coupon-admin', { startTime: '1970-01-01T00:00:09.000Z' }, undefined],
    ['waits for nobody knows what', { awaitsStart: true, startTime: 'soon' }, undefined],
  ])('the start of an activity that %s is known accordingly', async (_what, answer, startMs) => {
    const { starts, asked } = world(() => Promise.resolve(answer));
    expect(starts.plannedStartMs(ID)).toBeUndefined();
    expect(asked).toEqual([]);
    starts.learn(ID);
    await new Promise(setImmediate);
    expect([starts.plannedStartMs(ID), asked.length]).toEqual([startMs, 1]);
  });

  it('a start that is known is not asked for again; what may have become known without a change of the row is', async () => {
    let awaitsStart = false;
    const { starts, asked, cache } = world(() =>
      Promise.resolve({ awaitsStart, startTime: '1970-01-01T00:00:09.000Z' }),
    );
    const learn = async (): Promise<number | undefined> => {
      starts.learn(ID);
      await new Promise(setImmediate);
      return starts.plannedStartMs(ID);
    };
    expect(await learn()).toBeUndefined();
    awaitsStart = true;
    expect(await learn()).toBe(9_000);
    expect(await learn()).toBe(9_000);
    expect(asked).toHaveLength(2);
    cache.drop([ID], 'announced');
    expect(starts.plannedStartMs(ID)).toBeUndefined();
  });

  it('no start is known, and none is asked for, while changes are not heard', async () => {
    const { starts, asked, freshness } = world(() =>
      Promise.resolve({ awaitsStart: true, startTime: '1970-01-01T00:00:09.000Z' }),
    );
    starts.learn(ID);
    await new Promise(setImmediate);
    freshness.fresh = false;
    expect(starts.plannedStartMs(ID)).toBeUndefined();
    starts.learn(ID);
    expect(asked).toHaveLength(1);
    freshness.fresh = true;
    freshness.lapses += 1;
    expect(starts.plannedStartMs(ID)).toBeUndefined();
  });
});
