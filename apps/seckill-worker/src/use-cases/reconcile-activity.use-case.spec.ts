import { pino } from 'pino';
import type { ActivityId } from '@coupon/domain';
import type { PersistedEvent } from './persisted-marks';
import { ReconcileActivity } from './reconcile-activity.use-case';
import type { ActivityReading, ReconcileSources } from './reconcile-activity.use-case';

/** The board's clock; the one of this process has nothing to do with it. */
const NOW_MS = 50_000;
const ID = '7' as ActivityId;
const reading: ActivityReading = { eventSeq: 5, endMs: 0, state: 'ended', nowMs: 1, persisted: 5 };

interface Setting {
  readonly reading?: Partial<ActivityReading>;
  readonly outbox?: number;
  /** What MySQL has of the events 1..5. */
  readonly stored?: readonly number[];
  readonly queueReady?: number;
}

function reconciler(setting: Setting = {}): { run: ReconcileActivity; marked: number[]; drained: string[] } {
  const marked: number[] = [];
  const drained: string[] = [];
  const stored = setting.stored ?? [1, 2, 3, 4, 5];
  const now = { ...reading, ...setting.reading };
  const sources: ReconcileSources = {
    snapshot: () => Promise.resolve(now),
    outbox: () => Promise.resolve({ length: setting.outbox ?? 0, pending: 0 }),
    unmarked: (_id, upTo) => Promise.resolve([1, 2, 3, 4, 5].filter((seq) => seq > now.persisted && seq <= upTo)),
    stored: (_id, seqs): Promise<PersistedEvent[]> =>
      Promise.resolve(seqs.filter((seq) => stored.includes(seq)).map((seq) => ({ seq, units: 1 }))),
    storedCount: () => Promise.resolve(stored.length),
    markDrained: (id, eventSeq) => {
      drained.push(`${id} at ${eventSeq}`);
      return Promise.resolve(true);
    },
  };
  const observation = { at_ms: NOW_MS, queue_ready: setting.queueReady ?? 0, unacked: 0, relaying: 0 };
  const run = new ReconcileActivity({
    sources,
    mark: (_id, events) => {
      marked.push(...events.map(({ seq }) => seq));
      return Promise.resolve();
    },
    board: {
      nowMs: () => Promise.resolve(NOW_MS),
      read: () => Promise.resolve(new Map([['w', observation]])),
      write: () => Promise.resolve(),
      remove: () => Promise.resolve(),
    },
    logger: pino({ level: 'silent' }),
  });
  return { run, marked, drained };
}

describe('ReconcileActivity', () => {
  it('invariant 8: marks what MySQL has and a consumer could not mark, and nothing that MySQL lacks', async () => {
    const { run, marked } = reconciler({ reading: { persisted: 2, state: 'open', endMs: 99 }, stored: [1, 2, 3, 5] });
    expect(await run.execute(ID)).toMatchObject({ unmarked: 1, drained: false });
    expect(marked).toEqual([3, 5]);
  });

  it('writes an activity off once it has ended and MySQL has every event', async () => {
    const { run, drained } = reconciler();
    expect(await run.execute(ID)).toMatchObject({ unmarked: 0, drained: true });
    expect(drained).toEqual(['7 at 5']);
  });

  it.each<[string, Setting]>([
    ['an event is in the outbox', { outbox: 1 }],
    ['an event is in the queue', { queueReady: 1 }],
    ['the marks say more than MySQL has', { stored: [1, 2, 3, 5] }],
    ['it can still be claimed', { reading: { state: 'open', endMs: 99 } }],
  ])('invariant 8: does not write an activity off while %s', async (_, setting) => {
    const { run, drained } = reconciler(setting);
    expect(await run.execute(ID)).toMatchObject({ drained: false });
    expect(drained).toEqual([]);
  });
});
