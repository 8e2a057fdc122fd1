import { Browsers, reportOf } from './browsers';

const counts = (name: string, hits: number, misses: number, bypassed = 0) => ({ name, bypassed, l1: { hits, misses } });

describe('people who look at the sale', () => {
  it('the hit rate is of what was read between start and stop, reads past the caches counted as misses', () => {
    const before = [counts('sale', 100, 50), counts('template', 7, 7, 7)];
    const after = [counts('sale', 190, 55, 5), counts('template', 7, 7, 7)];
    expect(reportOf(100, before, after)).toEqual({
      reads: 100,
      l1_hit_rate: 0.9,
      caches: { sale: { hits: 90, misses: 10, bypassed: 5 } },
    });
  });

  it('without caches there is no rate', () => {
    expect(reportOf(3, null, null)).toEqual({ reads: 3, l1_hit_rate: null, caches: {} });
    expect(reportOf(3, [], [counts('sale', 0, 0)]).l1_hit_rate).toBeNull();
  });

  it('read the activity, the template and the coupons of winners, until they are told to stop', async () => {
    const paths: string[] = [];
    const browsers = new Browsers({
      read: (path) => Promise.resolve(paths.push(path)),
      cacheCounts: () => Promise.resolve(null),
      activityId: '1',
      templateId: '2',
      winner: () => '9',
      sleep: () => new Promise((resolve) => setImmediate(resolve)),
    });
    await browsers.start();
    while (paths.length < 200) await new Promise((resolve) => setImmediate(resolve));
    const { reads } = await browsers.stop();
    expect(reads).toBe(paths.length);
    expect(new Set(paths)).toEqual(new Set(['/flash-sales/1', '/coupon-templates/2', '/users/9/coupons']));
  });

  it('a page that cannot be read is an error', async () => {
    const browsers = new Browsers({
      read: () => Promise.reject(new Error('503')),
      cacheCounts: () => Promise.resolve(null),
      activityId: '1',
      templateId: '2',
      winner: () => undefined,
      sleep: () => Promise.resolve(),
    });
    await browsers.start();
    await expect(browsers.stop()).rejects.toThrow('503');
  });
});
