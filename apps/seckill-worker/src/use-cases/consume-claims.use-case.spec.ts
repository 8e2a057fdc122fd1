import { pino } from 'pino';
import type { Delivery, DeliveryBatch, EventPublisher, PublishResult } from '@coupon/messaging';
import { systemClock } from '@coupon/service-kit';
import { claims, messageOf } from '../../test/support/events';
import { ConsumeClaims } from './consume-claims.use-case';
import { DeadLetters } from './dead-letters';
import { Deferrals } from './deferrals';
import type { IncomingEvent } from './incoming-event';
import { PersistedMarks } from './persisted-marks';
import type { StoreClaims, StoreOutcome } from './store-claims.use-case';

const PLACE = { activityId: '7', templateId: '3' };
const CONFIRMED: PublishResult = { kind: 'confirmed' };
const logger = pino({ level: 'silent' });

function deliveryOf(event: IncomingEvent): Delivery {
  const { id, type, body } = messageOf(event);
  return { id, type, body: Buffer.from(body), headers: {}, redelivered: false, deliveryCount: 0 };
}

interface Setting {
  readonly store: () => Promise<StoreOutcome[]>;
  readonly publish?: () => Promise<PublishResult[]>;
}

/** The use case with everything around it replaced by notes of what happened, in order. */
function consumer(setting: Setting): { notes: string[]; handle(events: readonly IncomingEvent[]): Promise<void> } {
  const notes: string[] = [];
  const stopping = new AbortController();
  const publisher = {
    publishBatch: async () => {
      const results = await (setting.publish?.() ?? Promise.resolve([CONFIRMED]));
      notes.push(`published: ${results[0]?.kind ?? 'nothing'}`);
      return results;
    },
  } as unknown as EventPublisher;
  const index = { record: () => Promise.resolve() } as unknown as ConstructorParameters<typeof DeadLetters>[0]['index'];
  const common = { publisher, clock: systemClock, queue: 'q' };
  const consume = new ConsumeClaims({
    storeClaims: {
      execute: async () => {
        const outcomes = await setting.store();
        notes.push('committed');
        return outcomes;
      },
    } as unknown as StoreClaims,
    deadLetters: new DeadLetters({ ...common, index }),
    deferrals: new Deferrals(common),
    marks: new PersistedMarks({
      logger,
      mark: (_id, events) => {
        notes.push(`marked: ${events.map(({ seq }) => seq).join()}`);
        return Promise.resolve();
      },
    }),
    metrics: { batch: () => undefined, outcome: () => undefined, retry: () => undefined },
    logger,
    random: () => 0,
    signal: stopping.signal,
    attemptDelayMs: 1,
  });
  const handle = async (events: readonly IncomingEvent[]): Promise<void> => {
    const batch: DeliveryBatch = {
      deliveries: events.map(deliveryOf),
      ack: (done) => done.length > 0 && notes.push(`acked: ${done.map(({ id }) => id).join()}`),
      lost: stopping.signal,
    };
    await consume.handle(batch);
    await Promise.resolve();
  };
  return { notes, handle };
}

const stored: StoreOutcome = { kind: 'stored', again: false };
const rejected: StoreOutcome = { kind: 'rejected', code: 'X', reason: 'x', attempts: 3 };

describe('ConsumeClaims', () => {
  it('invariants 6 and 8: commits, then acknowledges, then marks as persisted', async () => {
    const { notes, handle } = consumer({ store: () => Promise.resolve([stored, stored]) });
    await handle(claims(PLACE, 2));
    expect(notes).toEqual(['committed', 'acked: 7-1-1,7-1-2', 'marked: 1,2']);
  });

  it('invariant 6: a batch that could not be stored is neither acknowledged nor marked', async () => {
    const { notes, handle } = consumer({ store: () => Promise.reject(new Error('a bug')) });
    await expect(handle(claims(PLACE, 2))).rejects.toThrow('a bug');
    expect(notes).toEqual([]);
  });

  it('invariant 6: a bad event is acknowledged only once the dead-letter queue has confirmed it', async () => {
    const verdicts: PublishResult[] = [
      { kind: 'failed', ambiguous: true, error: new Error('connection lost') },
      { kind: 'returned', reason: 'NO_ROUTE' },
      CONFIRMED,
      CONFIRMED,
    ];
    const { notes, handle } = consumer({
      store: () => Promise.resolve([rejected, stored]),
      publish: () => Promise.resolve([verdicts.shift() ?? CONFIRMED]),
    });
    await handle(claims(PLACE, 2));
    expect(notes.filter((note) => !note.startsWith('marked'))).toEqual([
      'committed',
      'acked: 7-1-2',
      'published: failed',
      'published: returned',
      // Into the dead-letter queue, then the announcement of it.
      'published: confirmed',
      'published: confirmed',
      'acked: 7-1-1',
    ]);
    expect(notes).toContain('marked: 2');
  });
});
