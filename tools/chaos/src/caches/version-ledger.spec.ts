import { VersionLedger } from './version-ledger';

describe('stale reads', () => {
  let ledger: VersionLedger;
  const age = (version: number, beganMs: number, key = 'a'): number => ledger.ageMs({ key, version, beganMs });

  beforeEach(() => {
    ledger = new VersionLedger();
    ledger.committed('a', 1, 100);
    ledger.committed('a', 2, 200);
    ledger.committed('a', 4, 400);
  });

  it('the newest version is never stale, nor is one that is newer than what is known', () => {
    expect([age(4, 9_000), age(5, 9_000), age(0, 9_000, 'other')]).toEqual([0, 0, 0]);
  });

  it('a read is as old as the first newer version was when it began', () => {
    expect([age(2, 1_000), age(3, 1_000), age(1, 1_000), age(0, 1_000)]).toEqual([600, 600, 800, 900]);
  });

  it('what was committed after the read began does not make it stale', () => {
    expect([age(2, 399), age(1, 150), age(0, 99)]).toEqual([0, 0, 0]);
  });

  it('what nobody has written, or what was rolled back, cannot be read', () => {
    ledger.attempted('a', 6);
    ledger.undone('a', 6);
    ledger.attempted('a', 7);
    const possible = [4, 6, 7, 8].map((version) => ledger.isPossible({ key: 'a', version }));
    expect(possible).toEqual([true, false, true, false]);
  });
});
