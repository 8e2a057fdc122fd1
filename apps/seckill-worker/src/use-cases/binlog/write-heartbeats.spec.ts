import { eventually } from '@coupon/testing';
import { WriteHeartbeats } from './write-heartbeats.use-case';
import type { HeartbeatTable } from './write-heartbeats.use-case';

interface Row {
  readonly source: string;
  readonly beatMs: number;
  readonly acknowledgedMs: number;
}

const silent = { info: () => undefined, warn: () => undefined } as never;

/** Every beat takes a millisecond of both clocks; the wall clock can be set. */
function world(): {
  readonly rows: Row[];
  readonly announced: string[];
  readonly heartbeats: WriteHeartbeats;
  fail: boolean;
  setClock(byMs: number): void;
} {
  const rows: Row[] = [];
  const announced: string[] = [];
  let [wallMs, monotonicMs] = [1_000_000, 0];
  const table: HeartbeatTable = {
    beat: (source, beatMs, acknowledgedMs) => {
      wallMs += 1;
      monotonicMs += 1;
      rows.push({ source, beatMs, acknowledgedMs });
      return state.fail ? Promise.reject(new Error('no answer')) : Promise.resolve();
    },
    removeSilent: () => Promise.resolve(),
  };
  const heartbeats = new WriteHeartbeats({
    table,
    announce: (source, beatMs) => {
      announced.push(`${source} ${beatMs}`);
      return Promise.reject(new Error('no broker'));
    },
    source: 'one',
    intervalMs: 1,
    clock: { nowMs: () => wallMs, now: () => new Date(wallMs), monotonicMs: () => monotonicMs } as never,
    logger: silent,
  });
  const state = {
    rows,
    announced,
    heartbeats,
    fail: false,
    setClock: (byMs: number) => void (wallMs += byMs),
  };
  return state;
}

async function more(rows: readonly Row[]): Promise<void> {
  const { length } = rows;
  await eventually(() => rows.length > length + 2);
}

describe('heartbeats', () => {
  test('name the last one before whose commit was acknowledged, and are announced with a broker or without', async () => {
    const { rows, announced, heartbeats } = world();
    heartbeats.start();
    await more(rows);
    await heartbeats.stop();
    expect(rows.map(({ acknowledgedMs }) => acknowledgedMs)).toEqual([
      0,
      ...rows.slice(0, -1).map((row) => row.beatMs),
    ]);
    expect(announced).toEqual(rows.map(({ source, beatMs }) => `${source} ${beatMs}`));
  });

  test('that had no answer are not named', async () => {
    const one = world();
    one.heartbeats.start();
    await more(one.rows);
    one.fail = true;
    const last = one.rows.at(-1);
    await more(one.rows);
    await one.heartbeats.stop();
    const failed = one.rows.slice(one.rows.indexOf(last ?? { source: '', beatMs: 0, acknowledgedMs: 0 }) + 2);
    expect(new Set(failed.map(({ acknowledgedMs }) => acknowledgedMs)).size).toBe(1);
  });

  test.each([60_000, -60_000])('of a clock that was set by %d ms have another source', async (byMs) => {
    const { rows, heartbeats, setClock } = world();
    heartbeats.start();
    await more(rows);
    setClock(50);
    await more(rows);
    expect(new Set(rows.map(({ source }) => source))).toEqual(new Set(['one']));
    setClock(byMs);
    await more(rows);
    await heartbeats.stop();
    const first = rows.findIndex(({ source }) => source !== 'one');
    expect(rows[first]).toMatchObject({ source: 'one.1', acknowledgedMs: 0 });
    expect(new Set(rows.slice(first).map(({ source }) => source))).toEqual(new Set(['one.1']));
  });
});
