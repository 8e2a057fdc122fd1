import { pino } from 'pino';
import { PersistedMarks } from './persisted-marks';
import type { PersistedEvent } from './persisted-marks';
import type { IncomingEvent } from './incoming-event';

const logger = pino({ level: 'silent' });

function event(seq: number, kind: 'claimed' | 'released' = 'claimed', activity = '7'): IncomingEvent {
  const units = [
    { sn: 'a', slot: 1 },
    { sn: 'b', slot: 2 },
  ];
  return { kind, body: { activity_id: activity, event_seq: seq, units } } as unknown as IncomingEvent;
}

describe('PersistedMarks', () => {
  it('writes claims with their units and releases with the units taken back', async () => {
    const written: PersistedEvent[] = [];
    const marks = new PersistedMarks({ mark: async (_id, events) => written.push(...events), logger });
    marks.add([event(1), event(2, 'released'), event(1)]);
    await marks.flush();
    expect(written).toEqual([
      { seq: 1, units: 2 },
      { seq: 2, units: -2 },
    ]);
    expect(marks.size).toBe(0);
  });

  it('keeps what could not be written and writes it together with what came meanwhile', async () => {
    let away = true;
    const written: number[] = [];
    const marks = new PersistedMarks({
      mark: async (_id, events) => {
        if (away) throw new Error('connection refused');
        written.push(...events.map(({ seq }) => seq));
      },
      logger,
    });
    marks.add([event(1), event(2)]);
    await marks.flush();
    expect(marks.size).toBe(2);
    marks.add([event(2), event(3)]);
    away = false;
    await marks.flush();
    expect(written.sort()).toEqual([1, 2, 3]);
    expect(marks.size).toBe(0);
  });

  it('holds no more than its limit', async () => {
    const marks = new PersistedMarks({ mark: () => Promise.reject(new Error('away')), logger, maxPending: 3 });
    marks.add([1, 2, 3, 4, 5].map((seq) => event(seq)));
    await marks.flush();
    expect(marks.size).toBe(3);
  });
});
