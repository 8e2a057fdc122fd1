import { pino } from 'pino';
import type { ActivityId } from '@coupon/domain';
import type { EventPublisher, OutgoingMessage, PublishResult } from '@coupon/messaging';
import { systemClock } from '@coupon/service-kit';
import { eventually } from '@coupon/testing';
import { RelayOutbox } from './relay-outbox.use-case';
import type { Outbox, OutboxEntry, RelayOptions } from './relay-outbox.use-case';

const ACTIVITY = '7' as ActivityId;
const CONFIRMED: PublishResult = { kind: 'confirmed' };
const RETURNED: PublishResult = { kind: 'returned', reason: 'NO_ROUTE' };
const LOST: PublishResult = { kind: 'failed', ambiguous: true, error: new Error('connection lost') };

const entry = (seq: number): OutboxEntry => ({
  streamId: `1-${seq}`,
  type: 'flash_sale.succeeded.v1',
  eventId: `7-1-${seq}`,
  seq,
  body: `{"seq":${seq}}`,
});

/** One stream in memory: an entry is handed out once and stays until it is acknowledged. */
class MemoryOutbox implements Outbox {
  readonly acknowledged: string[] = [];
  /** Answers of `claimStale`, one per call. */
  stale: OutboxEntry[][] = [];
  private fresh: OutboxEntry[];

  constructor(...entries: OutboxEntry[]) {
    this.fresh = entries;
  }

  read(): Promise<OutboxEntry[]> {
    return Promise.resolve(this.fresh.splice(0));
  }

  claimStale(): Promise<OutboxEntry[]> {
    return Promise.resolve(this.stale.shift() ?? []);
  }

  acknowledge(_id: ActivityId, streamIds: readonly string[]): Promise<number> {
    this.acknowledged.push(...streamIds);
    return Promise.resolve(streamIds.length);
  }
}

/** A broker whose verdicts the test gives, one list per batch; a batch without one waits for ever. */
class ScriptedPublisher implements Pick<EventPublisher, 'publishBatch'> {
  readonly batches: (readonly OutgoingMessage[])[] = [];
  constructor(private readonly verdicts: (PublishResult[] | Promise<PublishResult[]>)[]) {}

  publishBatch(messages: readonly OutgoingMessage[]): Promise<PublishResult[]> {
    this.batches.push(messages);
    return Promise.resolve(this.verdicts.shift() ?? new Promise<PublishResult[]>(() => undefined));
  }

  get ids(): string[][] {
    return this.batches.map((batch) => batch.map(({ id }) => id));
  }
}

const relays: RelayOutbox[] = [];

function relayOf(outbox: Outbox, publisher: ScriptedPublisher, more: Partial<RelayOptions> = {}): RelayOutbox {
  const relay = new RelayOutbox({
    outbox,
    publisher: publisher as unknown as EventPublisher,
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    metrics: { relayed: () => undefined, notConfirmed: () => undefined, takenOver: () => undefined },
    random: () => 0,
    consumer: 'spec',
    minIdleMs: 1,
    maxIdleMs: 5,
    ...more,
  });
  relays.push(relay);
  relay.setActivities([ACTIVITY]);
  relay.start();
  return relay;
}

afterEach(() => {
  for (const relay of relays.splice(0)) void relay.stop();
});

describe('RelayOutbox', () => {
  it('invariant 1: acknowledges an entry only after the broker has confirmed it', async () => {
    let confirm = (_: PublishResult[]): void => undefined;
    const verdict = new Promise<PublishResult[]>((resolve) => {
      confirm = resolve;
    });
    const outbox = new MemoryOutbox(entry(1), entry(2));
    const publisher = new ScriptedPublisher([verdict]);
    const relay = relayOf(outbox, publisher);
    await eventually(() => expect(publisher.ids).toEqual([['7-1-1', '7-1-2']]));
    expect(outbox.acknowledged).toEqual([]);
    expect(relay.batchesUnderWay).toBe(1);
    confirm([CONFIRMED, CONFIRMED]);
    await eventually(() => expect(outbox.acknowledged).toEqual(['1-1', '1-2']));
  });

  it.each([
    ['returned', RETURNED],
    ['not confirmed', LOST],
  ])('invariants 4 and 5: what was %s stays in the outbox and is published again under its id', async (_, bad) => {
    let confirm = (_results: PublishResult[]): void => undefined;
    const second = new Promise<PublishResult[]>((resolve) => {
      confirm = resolve;
    });
    const outbox = new MemoryOutbox(entry(1), entry(2), entry(3));
    const publisher = new ScriptedPublisher([[CONFIRMED, bad, CONFIRMED], second]);
    relayOf(outbox, publisher);
    await eventually(() => expect(publisher.ids).toEqual([['7-1-1', '7-1-2', '7-1-3'], ['7-1-2']]));
    expect(publisher.batches[1]?.[0]).toMatchObject({ body: '{"seq":2}', type: 'flash_sale.succeeded.v1' });
    expect(outbox.acknowledged).toEqual(['1-1', '1-3']);
    confirm([CONFIRMED]);
    await eventually(() => expect(outbox.acknowledged).toEqual(['1-1', '1-3', '1-2']));
  });

  it('invariant 1: takes over what a relay that is gone has left, at its start and again later', async () => {
    const outbox = new MemoryOutbox();
    outbox.stale = [[entry(1)], [], [entry(2)]];
    const publisher = new ScriptedPublisher([[CONFIRMED], [CONFIRMED]]);
    relayOf(outbox, publisher, { staleCheckMs: 10 });
    await eventually(() => expect(outbox.acknowledged).toEqual(['1-1', '1-2']));
  });

  it('stops with the batch in hand; what was not confirmed by then stays for the next relay', async () => {
    const outbox = new MemoryOutbox(entry(1), entry(2));
    const publisher = new ScriptedPublisher([[CONFIRMED, LOST], [LOST], [LOST], [LOST], [LOST]]);
    const relay = relayOf(outbox, publisher);
    await eventually(() => expect(publisher.batches.length).toBeGreaterThan(0));
    await relay.stop();
    expect(outbox.acknowledged).toEqual(['1-1']);
    expect(relay.batchesUnderWay).toBe(0);
  });
});
