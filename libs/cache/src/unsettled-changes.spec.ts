import type { Heartbeat } from './freshness';
import { UnsettledChanges } from './unsettled-changes';

const beat = (sentMs: number, acknowledgedMs: number, source = 'a'): Heartbeat => ({ source, sentMs, acknowledgedMs });

describe('changes that were announced', () => {
  test('are settled when a heartbeat after them is acknowledged by the next of its source, in their order', () => {
    const unsettled = new UnsettledChanges<string>();
    unsettled.announced('1');
    unsettled.announced('2');
    expect(unsettled.heard(beat(100, 0))).toEqual({ changes: [], settledMs: 0 });
    unsettled.announced('3');
    expect(unsettled.heard(beat(200, 100))).toEqual({ changes: ['1', '2'], settledMs: 100 });
    expect([unsettled.size, unsettled.all()]).toEqual([1, ['3']]);
    expect(unsettled.heard(beat(300, 200))).toEqual({ changes: ['3'], settledMs: 200 });
    expect(unsettled.size).toBe(0);
  });

  test('are not settled by an acknowledgement of a heartbeat that was not heard after them', () => {
    const unsettled = new UnsettledChanges<string>();
    unsettled.announced('1');
    expect(unsettled.heard(beat(200, 100))).toEqual({ changes: [], settledMs: 0 });
    // Its commit was never acknowledged.
    expect(unsettled.heard(beat(300, 100))).toEqual({ changes: [], settledMs: 0 });
    expect(unsettled.heard(beat(400, 300))).toEqual({ changes: ['1'], settledMs: 300 });
  });

  test('are settled by any source, by its own clock', () => {
    const unsettled = new UnsettledChanges<string>();
    unsettled.announced('1');
    unsettled.heard(beat(1_000, 0));
    unsettled.announced('2');
    unsettled.heard(beat(5, 4, 'b'));
    unsettled.announced('3');
    expect(unsettled.heard(beat(6, 5, 'b'))).toEqual({ changes: ['1', '2'], settledMs: 5 });
    expect(unsettled.heard(beat(1_250, 1_000))).toEqual({ changes: [], settledMs: 0 });
    expect(unsettled.heard(beat(1_500, 1_250)).changes).toEqual(['3']);
  });

  test('are all kept, and few heartbeats, while nobody acknowledges', () => {
    const unsettled = new UnsettledChanges<number>();
    for (let n = 1; n <= 1_000; n += 1) {
      unsettled.announced(n);
      expect(unsettled.heard(beat(n, 0)).changes).toEqual([]);
    }
    unsettled.announced(1_001);
    const { changes, settledMs } = unsettled.heard(beat(1_001, 1_000));
    expect([changes.length, changes[0], settledMs]).toEqual([1_000, 1, 1_000]);
    expect(unsettled.all()).toEqual([1_001]);
  });

  test('are forgotten with their queue', () => {
    const unsettled = new UnsettledChanges<string>();
    unsettled.announced('1');
    unsettled.heard(beat(100, 0));
    unsettled.announced('2');
    unsettled.clear();
    expect([unsettled.size, unsettled.heard(beat(200, 100))]).toEqual([0, { changes: [], settledMs: 0 }]);
  });
});
