import type { Delivery, DeliveryBatch, EventConsumer, EventPublisher, OutgoingMessage } from '../../src';
import { soon } from '../support/soon';

/** What an adapter provides to be tested; everything is fresh and isolated. */
export interface TransportHarness {
  readonly publisher: EventPublisher;
  /** Of the one work queue, to which events of type `routed` go. */
  consumer(options: { batchSize: number; batchWaitMs: number; prefetch: number }): EventConsumer;
  readonly routed: string;
  readonly queue: string;
  /** An event type nobody is subscribed to. */
  readonly unrouted: string;
  /** Breaks the network under every client, which may reconnect at once. */
  cutConnections(): void;
  /** What the broker says no longer reaches the clients. */
  silence(silent: boolean): void;
  close(): Promise<void>;
}

const now = 1_800_000_000_000;

/** What every adapter of the ports must do. */
export function describeEventTransport(name: string, start: () => Promise<TransportHarness>): void {
  describe(`event transport: ${name}`, () => {
    jest.setTimeout(30_000);
    let harness: TransportHarness;
    const consumers: EventConsumer[] = [];

    beforeEach(async () => {
      harness = await start();
    });

    afterEach(async () => {
      await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
      await harness.publisher.close();
      await harness.close();
    });

    const message = (n: number, more: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
      id: `e-${n}`,
      type: harness.routed,
      body: `{"n":${n}}`,
      timestampMs: now + n,
      ...more,
    });
    const messages = (count: number): OutgoingMessage[] => Array.from({ length: count }, (_, n) => message(n));

    const consume = async (
      handler: (batch: DeliveryBatch) => Promise<void>,
      options = { batchSize: 100, batchWaitMs: 10, prefetch: 200 },
    ): Promise<EventConsumer> => {
      const consumer = harness.consumer(options);
      consumers.push(consumer);
      await consumer.start(handler);
      return consumer;
    };

    const collect = async (): Promise<Delivery[]> => {
      const seen: Delivery[] = [];
      await consume(async (batch) => {
        seen.push(...batch.deliveries);
        batch.ack(batch.deliveries);
      });
      return seen;
    };

    it('delivers id, type, headers and the body byte for byte', async () => {
      const body = '{"name":"优惠券","n":1.50}';
      const results = await harness.publisher.publishBatch([message(1, { body, headers: { 'x-attempts': 3 } })]);
      expect(results).toEqual([{ kind: 'confirmed' }]);
      const seen = await collect();
      await soon(() => seen.length === 1);
      expect(seen[0]).toMatchObject({ id: 'e-1', type: harness.routed, redelivered: false, deliveryCount: 0 });
      expect(seen[0]?.body.toString('utf8')).toBe(body);
      expect(seen[0]?.headers).toMatchObject({ event_id: 'e-1', event_type: harness.routed, 'x-attempts': 3 });
      expect(Number(seen[0]?.headers['timestamp'])).toBe(now + 1);
    });

    it('publishes straight into a queue under the type of the event', async () => {
      const results = await harness.publisher.publishBatch([message(1, { type: 'other.v1', queue: harness.queue })]);
      expect(results).toEqual([{ kind: 'confirmed' }]);
      const seen = await collect();
      await soon(() => seen.length === 1);
      expect(seen[0]?.type).toBe('other.v1');
    });

    it('invariant 5: reports a message that reached no queue as returned, and only that one', async () => {
      const results = await harness.publisher.publishBatch([
        message(1),
        message(2, { type: harness.unrouted }),
        message(3),
      ]);
      expect(results.map(({ kind }) => kind)).toEqual(['confirmed', 'returned', 'confirmed']);
    });

    it('confirms an unroutable message when it is not mandatory', async () => {
      const results = await harness.publisher.publishBatch([message(1, { type: harness.unrouted, mandatory: false })]);
      expect(results).toEqual([{ kind: 'confirmed' }]);
    });

    it('keeps several thousand messages complete and in order', async () => {
      const results = await harness.publisher.publishBatch(messages(3000));
      expect(results.filter(({ kind }) => kind !== 'confirmed')).toEqual([]);
      const seen = await collect();
      await soon(() => seen.length >= 3000);
      expect(seen.map(({ id }) => id)).toEqual(messages(3000).map(({ id }) => id));
    });

    it('invariant 4: a lost connection makes unconfirmed messages ambiguous, and the same ids can be published again', async () => {
      harness.silence(true);
      const publishing = harness.publisher.publishBatch(messages(50));
      await new Promise((resolve) => setTimeout(resolve, 100));
      harness.cutConnections();
      harness.silence(false);
      for (const result of await publishing) expect(result).toMatchObject({ kind: 'failed', ambiguous: true });
      const again = await harness.publisher.publishBatch(messages(50));
      expect(again.every(({ kind }) => kind === 'confirmed')).toBe(true);
      const seen = await collect();
      await soon(() => new Set(seen.map(({ id }) => id)).size === 50);
    });

    it('hands over batches by size and by age, one at a time', async () => {
      await harness.publisher.publishBatch(messages(25));
      const sizes: number[] = [];
      let atOnce = 0;
      let most = 0;
      await consume(
        async (batch) => {
          atOnce += 1;
          most = Math.max(most, atOnce);
          sizes.push(batch.deliveries.length);
          await new Promise((resolve) => setTimeout(resolve, 30));
          batch.ack(batch.deliveries);
          atOnce -= 1;
        },
        { batchSize: 10, batchWaitMs: 50, prefetch: 100 },
      );
      await soon(() => sizes.reduce((a, b) => a + b, 0) === 25);
      expect(Math.max(...sizes)).toBe(10);
      expect(most).toBe(1);
    });

    it('holds no more deliveries than the prefetch allows', async () => {
      await harness.publisher.publishBatch(messages(100));
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      const consumer = await consume(
        async (batch) => {
          await held;
          batch.ack(batch.deliveries);
        },
        { batchSize: 5, batchWaitMs: 5, prefetch: 20 },
      );
      await soon(() => consumer.unacknowledged === 20);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(consumer.unacknowledged).toBe(20);
      release();
      await soon(() => consumer.unacknowledged === 0);
    });

    it('redelivers what was not acknowledged, and takes no acknowledgement from before the loss', async () => {
      await harness.publisher.publishBatch(messages(10));
      const seen: Delivery[] = [];
      let old: DeliveryBatch | undefined;
      await consume(
        async (batch) => {
          seen.push(...batch.deliveries);
          if (old === undefined) {
            old = batch;
            await new Promise<void>((resolve) => {
              batch.lost.addEventListener('abort', () => resolve());
              harness.cutConnections();
            });
            return;
          }
          // Late words about the lost channel while the new one has deliveries under the same numbers.
          old.ack(old.deliveries);
          if (seen.length >= 20) batch.ack(batch.deliveries);
        },
        { batchSize: 10, batchWaitMs: 1000, prefetch: 20 },
      );
      await soon(() => seen.length >= 20);
      expect(seen.slice(10).every(({ redelivered }) => redelivered)).toBe(true);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(10);
    });

    it('keeps every message across a loss between two acknowledgements', async () => {
      await harness.publisher.publishBatch(messages(200));
      const done = new Set<string>();
      let batches = 0;
      await consume(
        async (batch) => {
          batches += 1;
          if (batches === 3) {
            harness.cutConnections();
            return;
          }
          for (const { id } of batch.deliveries) done.add(id);
          batch.ack(batch.deliveries);
        },
        { batchSize: 20, batchWaitMs: 5, prefetch: 60 },
      );
      await soon(() => done.size === 200);
    });

    it('gives a batch back whose handler failed', async () => {
      await harness.publisher.publishBatch(messages(3));
      const attempts = new Map<string, number>();
      await consume(async (batch) => {
        for (const { id } of batch.deliveries) attempts.set(id, (attempts.get(id) ?? 0) + 1);
        if ([...attempts.values()].every((n) => n === 1)) throw new Error('storage is gone');
        batch.ack(batch.deliveries);
      });
      await soon(() => [...attempts.values()].filter((n) => n === 2).length === 3);
    });

    it('stops after the batch in hand and leaves the rest to others', async () => {
      await harness.publisher.publishBatch(messages(30));
      const first: string[] = [];
      let release = (): void => undefined;
      const consumer = await consume(
        async (batch) => {
          first.push(...batch.deliveries.map(({ id }) => id));
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          batch.ack(batch.deliveries);
        },
        { batchSize: 10, batchWaitMs: 1000, prefetch: 30 },
      );
      await soon(() => first.length === 10);
      let stopped = false;
      const stopping = consumer.stop().then(() => {
        stopped = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(stopped).toBe(false);
      release();
      await stopping;
      await consumer.close();
      const rest = await collect();
      await soon(() => rest.length >= 20);
      expect([...first, ...rest.map(({ id }) => id)].sort()).toEqual(
        messages(30)
          .map(({ id }) => id)
          .sort(),
      );
    });

    it('tells its state and comes back after a loss', async () => {
      expect(harness.publisher.status).toEqual({ state: 'open' });
      harness.silence(true);
      harness.cutConnections();
      await soon(() => harness.publisher.status.state === 'connecting');
      expect(harness.publisher.status.reason).toEqual(expect.any(String));
      harness.silence(false);
      harness.cutConnections();
      await soon(() => harness.publisher.status.state === 'open');
      expect(await harness.publisher.publishBatch([message(1)])).toEqual([{ kind: 'confirmed' }]);
    });

    it('ends unconfirmed messages when it is closed', async () => {
      harness.silence(true);
      const publishing = harness.publisher.publishBatch([message(1)]);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await harness.publisher.close();
      expect(await publishing).toMatchObject([{ kind: 'failed', ambiguous: true }]);
      expect(await harness.publisher.publishBatch([message(2)])).toMatchObject([{ kind: 'failed', ambiguous: false }]);
    });
  });
}
