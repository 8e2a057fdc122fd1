import { PendingDrops } from './pending-drops';

describe('changes that L2 may not have been told', () => {
  test('are remembered until they were told, each for itself', () => {
    const drops = new PendingDrops(1_000, 10);
    drops.add('a', 'v1', 0);
    drops.add('a', 'v2', 0);
    drops.told('a', 'v1');
    expect(drops.versionOf('a', 0)).toBe('v2');
    drops.told('a', 'v2');
    expect([drops.versionOf('a', 0), drops.size]).toEqual([undefined, 0]);
  });

  test('are forgotten when their time is over, and then make room', () => {
    const drops = new PendingDrops(1_000, 10);
    drops.add('a', 'v1', 0);
    expect([drops.versionOf('a', 999), drops.versionOf('a', 1_000)]).toEqual(['v1', undefined]);
    drops.add('b', 'v2', 1_000);
    expect([drops.size, drops.distrusted(1_000)]).toEqual([1, false]);
  });

  test('a key that changes again is remembered for as long again', () => {
    const drops = new PendingDrops(1_000, 10);
    drops.add('a', 'v1', 0);
    drops.add('b', 'v2', 1);
    drops.add('a', 'v3', 600);
    drops.add('c', 'v4', 1_200);
    expect([drops.versionOf('a', 1_200), drops.versionOf('b', 1_200), drops.size]).toEqual(['v3', undefined, 2]);
  });

  test('when there are too many the oldest are forgotten, and L2 is not trusted for as long', () => {
    const drops = new PendingDrops(1_000, 2);
    for (const key of ['a', 'b', 'c']) drops.add(key, key, 10);
    expect([drops.size, drops.versionOf('a', 10), drops.versionOf('c', 10)]).toEqual([2, undefined, 'c']);
    expect([drops.distrusted(1_009), drops.distrusted(1_010)]).toEqual([true, false]);
  });
});
