import { HeartbeatFreshness } from './freshness';
import type { Heartbeat, HeartbeatFreshnessOptions, SharedTierProgress } from './freshness';

/** It acknowledges itself, so that nothing is unsettled. */
const beat = (sentMs: number, source = 'a'): Heartbeat & SharedTierProgress => ({
  source,
  sentMs,
  acknowledgedMs: sentMs,
  settledMs: sentMs,
});

/** Has heard from `a` and `b` directly, whose clocks are `apartMs` behind. */
function listener(options: HeartbeatFreshnessOptions = { sharedTierConfirms: false }, apartMs = 0): HeartbeatFreshness {
  const freshness = new HeartbeatFreshness(options);
  for (const source of ['a', 'b']) freshness.sent({ source, sentMs: 0 }, apartMs);
  return freshness;
}

describe('freshness by heartbeats', () => {
  test('begins with a heartbeat and ends 500 ms after the last one', () => {
    const freshness = listener();
    expect(freshness.isFresh(0)).toBe(false);
    freshness.heard(beat(1), 10);
    freshness.heard(beat(251), 260);
    expect([freshness.isFresh(760), freshness.isFresh(761)]).toEqual([true, false]);
    expect(freshness.lapses).toBe(1);
    freshness.heard(beat(900), 909);
    expect([freshness.isFresh(910), freshness.lapses]).toEqual([true, 2]);
  });

  test('a lost queue is a lapse at once', () => {
    const freshness = listener();
    freshness.heard(beat(1), 10);
    freshness.lost();
    expect([freshness.isFresh(11), freshness.lapses]).toEqual([false, 2]);
  });

  test('heartbeats that come regularly but late do not count: the changes are late, too', () => {
    const freshness = listener({ sharedTierConfirms: false }, 1_000_000);
    freshness.heard(beat(0), 1_000_000);
    for (let sentMs = 250; sentMs <= 2_000; sentMs += 250) freshness.heard(beat(sentMs), 1_000_000 + sentMs * 2);
    expect(freshness.isFresh(1_004_000)).toBe(false);
    freshness.heard(beat(4_100), 1_004_100);
    expect(freshness.isFresh(1_004_100)).toBe(true);
  });

  test('whatever is late, nothing is used that changed more than 900 ms and the way of the fastest ago', () => {
    const freshness = listener();
    for (let lateMs = 0; lateMs <= 2_000; lateMs += 50) {
      freshness.heard(beat(10_000 * lateMs), 10_000 * lateMs + 20);
      freshness.heard(beat(10_000 * lateMs + 300), 10_000 * lateMs + 320 + lateMs);
      // All that is known now is that what changed before the second one was heard.
      expect(freshness.isHearing(10_000 * lateMs + 300 + 921)).toBe(false);
    }
  });

  test('a source is measured by its fastest heartbeat of the last hours: clocks drift apart', () => {
    const freshness = listener();
    const hour = 3_600_000;
    let lateForEver = 0;
    freshness.heard(beat(0), 0);
    for (let ms = 250; ms <= 24 * hour; ms += 250) {
      // 50 ms of drift in 1,000 s, and the bus.
      freshness.heard(beat(ms), ms * (1 + 0.00005) + (ms % 7));
      if (!freshness.isHearing(ms * (1 + 0.00005) + 7)) lateForEver += 1;
    }
    expect(lateForEver).toBe(0);
  });

  test('begins when a heartbeat that was heard here is acknowledged, after every lapse', () => {
    const freshness = listener();
    const heard = (sentMs: number, acknowledgedMs: number): boolean => {
      freshness.heard({ source: 'a', sentMs, acknowledgedMs }, sentMs);
      return freshness.isHearing(sentMs);
    };
    expect([heard(1_000, 0), heard(1_250, 0), heard(1_500, 999), heard(1_750, 1_000)]).toEqual([
      false,
      false,
      false,
      true,
    ]);
    freshness.lost();
    expect([heard(2_000, 1_750), heard(2_250, 2_000)]).toEqual([false, true]);
    // Nothing for longer than heartbeats are good for.
    expect([heard(3_000, 2_250), heard(3_250, 3_000)]).toEqual([false, true]);
  });

  test('ends when heartbeats are heard whose commits nobody acknowledges', () => {
    const freshness = listener();
    for (let ms = 250; ms <= 1_000; ms += 250)
      freshness.heard({ source: 'a', sentMs: ms, acknowledgedMs: ms - 250 }, ms);
    for (let ms = 1_250; ms <= 3_000; ms += 250) {
      freshness.heard({ source: 'a', sentMs: ms, acknowledgedMs: 750 }, ms);
      // 750 ms after the last acknowledged one was heard.
      expect([ms, freshness.isHearing(ms)]).toEqual([ms, ms <= 1_500]);
    }
    expect(freshness.lapses).toBe(1);
    freshness.heard({ source: 'a', sentMs: 3_250, acknowledgedMs: 3_000 }, 3_250);
    expect(freshness.isHearing(3_250)).toBe(true);
  });

  test('the first ones of a source do not count while nobody knows how late they are', () => {
    const freshness = new HeartbeatFreshness({ sharedTierConfirms: false });
    // The binlog is eight seconds behind, and catches up.
    for (let late = 8_000, sent = 0; late >= 0; late -= 100, sent += 250) {
      freshness.heard(beat(sent), sent + late);
      expect(freshness.isHearing(sent + late)).toBe(false);
    }
    for (let late = 8_000, sent = 30_000; late >= 0; late -= 100, sent += 250) {
      freshness.sent({ source: 'a', sentMs: sent + late }, sent + late + 3);
      freshness.heard(beat(sent), sent + late + 3);
      expect([late, freshness.isHearing(sent + late + 3)]).toEqual([late, late <= 400]);
    }
  });

  test('a source is not measured by a queue that is late itself', () => {
    const freshness = listener();
    freshness.heard(beat(250), 251);
    for (let ms = 2_000; ms <= 4_000; ms += 250) {
      freshness.sent({ source: 'a', sentMs: ms }, ms + 5_000);
      freshness.sent({ source: 'new', sentMs: ms }, ms + 5_000);
      freshness.heard(beat(ms, 'new'), ms + 5_000);
      expect(freshness.isHearing(ms + 5_000)).toBe(false);
    }
    freshness.sent({ source: 'new', sentMs: 10_000 }, 10_003);
    freshness.heard(beat(10_000, 'new'), 10_010);
    expect(freshness.isHearing(10_010)).toBe(true);
  });

  test('the last word of a source that is silent confirms nothing', () => {
    const freshness = listener({});
    for (let ms = 250; ms <= 1_000; ms += 250) {
      freshness.heard(beat(ms), ms);
      freshness.heard(beat(ms, 'b'), ms);
      freshness.sharedTierReached(beat(ms), ms);
    }
    for (let ms = 1_250; ms <= 20_000; ms += 250) freshness.heard(beat(ms, 'b'), ms);
    // Another process takes over where the first one stopped.
    freshness.sharedTierReached(beat(1_000), 20_001);
    expect(freshness.isFresh(20_001)).toBe(false);
    freshness.sharedTierReached(beat(20_000, 'b'), 20_002);
    expect(freshness.isFresh(20_002)).toBe(true);
  });

  test('L2 waits for what is settled there, not for what was announced', () => {
    const freshness = listener({});
    freshness.heard(beat(1_000), 1_000);
    freshness.sharedTierReached({ source: 'a', sentMs: 1_000, settledMs: 750 }, 1_001);
    expect(freshness.isFresh(1_001)).toBe(false);
    freshness.heard(beat(1_250), 1_250);
    freshness.sharedTierReached({ source: 'a', sentMs: 1_250, settledMs: 1_000 }, 1_251);
    expect(freshness.isFresh(1_251)).toBe(true);
  });

  test('another source has another clock', () => {
    const freshness = listener();
    // Its clock is an hour ahead.
    freshness.sent({ source: 'c', sentMs: 3_600_000 }, 5);
    freshness.heard(beat(5), 10);
    freshness.heard(beat(3_600_245, 'c'), 260);
    expect([freshness.isFresh(261), freshness.lapses]).toEqual([true, 1]);
  });

  test('heartbeats of several sources that come late together do not count', () => {
    const freshness = listener();
    freshness.heard(beat(0), 0);
    freshness.heard(beat(10, 'b'), 10);
    for (let sentMs = 250; sentMs <= 3_000; sentMs += 250) {
      freshness.heard(beat(sentMs), sentMs * 2);
      freshness.heard(beat(sentMs + 10, 'b'), sentMs * 2 + 20);
    }
    expect(freshness.isFresh(6_020)).toBe(false);
  });

  test('the confirmation of any source will do', () => {
    const freshness = listener({});
    freshness.heard(beat(200), 200);
    freshness.heard(beat(207, 'b'), 210);
    freshness.sharedTierReached(beat(207, 'b'), 220);
    expect(freshness.isFresh(220)).toBe(true);
  });

  test('waits until L2 has been dropped as far as this process has heard, after every lapse', () => {
    const freshness = listener({});
    freshness.sharedTierReached(beat(100), 100);
    freshness.heard(beat(200), 200);
    expect(freshness.isFresh(200)).toBe(false);
    freshness.sharedTierReached(beat(199), 201);
    expect(freshness.isFresh(201)).toBe(false);
    freshness.sharedTierReached(beat(200), 202);
    expect(freshness.isFresh(202)).toBe(true);
    freshness.lost();
    freshness.heard(beat(300), 300);
    freshness.sharedTierReached(beat(250), 301);
    expect(freshness.isFresh(301)).toBe(false);
    freshness.sharedTierReached(beat(300), 302);
    expect(freshness.isFresh(302)).toBe(true);
  });

  test('that L2 waits does not keep L1 from being used; that nothing is heard does', () => {
    const freshness = listener({});
    expect(freshness.isHearing(0)).toBe(false);
    freshness.heard(beat(1), 10);
    expect([freshness.isHearing(510), freshness.isFresh(510), freshness.isHearing(511)]).toEqual([true, false, false]);
    freshness.heard(beat(600), 609);
    freshness.sharedTierReached(beat(600), 610);
    freshness.lost();
    expect([freshness.isHearing(611), freshness.isFresh(611)]).toEqual([false, false]);
  });

  test('ends when the one who drops L2 falls behind', () => {
    const freshness = listener({});
    for (let ms = 0; ms <= 2_000; ms += 250) {
      freshness.heard(beat(ms), ms);
      freshness.sharedTierReached(beat(Math.min(ms, 250)), ms);
    }
    expect(freshness.isFresh(2_000)).toBe(false);
  });
});
