import type { EventPublisher } from '@coupon/messaging';
import { eventually } from '@coupon/testing';
import { MysqlOutbox } from '../../../src/outbox/adapters/mysql-outbox';
import type { OutboxRelay } from '../../../src/outbox/use-cases/outbox-relay';
import { idsOf, orderCreatedBody, unpublished, writeEvents } from '../../support/outbox-rows';
import { DELAY_QUEUE, relayingBy, useOutboxRelay } from './outbox-relay-fixture';

describe.each(['mysql', 'mariadb'] as const)('outbox relay on %s', (server) => {
  const relays = useOutboxRelay(server);
  const { database, startRelay, allPublished, receivedAll } = relays;

  it('publishes what was committed, in the order of ids, as it was written', async () => {
    const ids = idsOf('in-order', 170);
    await writeEvents(database, ids, { body: { amount: '1.00' } });
    await startRelay();
    await allPublished();
    await receivedAll(ids);
    expect(relays.tap.ids).toEqual(ids);
    expect(relays.tap.received[0]).toMatchObject({
      ...{ type: 'order.paid.v1', key: 'order.paid.v1', body: { amount: '1.00', event_id: 'in-order-0' } },
      headers: { event_id: 'in-order-0', traceparent: 'trace-in-order-0', timestamp: expect.any(Number) as number },
    });
  });

  it('leaves what was rolled back, and finds what was committed late under a lower id', async () => {
    await startRelay();
    await expect(
      relays.shop.client.$transaction(async (tx) => {
        await tx.$executeRaw`INSERT INTO outbox (event_id, routing_key, headers, body) VALUES ('undone', 'order.paid.v1', '{}', '{}')`;
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    await relays.shop.client.$transaction(async (tx) => {
      await tx.$executeRaw`INSERT INTO outbox (event_id, routing_key, headers, body) VALUES ('slow', 'order.paid.v1', '{}', '{}')`;
      await writeEvents(database, ['quick']);
      await receivedAll(['quick']);
    });
    await receivedAll(['quick', 'slow']);
  });

  it('does not wait for listeners of announcements, and delivers what must reach a queue into it', async () => {
    await writeEvents(database, idsOf('unheard', 30), { routingKey: 'coupon.locked.v1' });
    await writeEvents(database, ['created-1'], { routingKey: 'order.created.v1', body: orderCreatedBody('o-1') });
    await startRelay();
    await allPublished();
    expect((await relays.tap.drain(DELAY_QUEUE)).map(({ id }) => id)).toEqual(['created-1']);
  });

  it('declares a queue again that somebody has removed, and holds nothing else up meanwhile', async () => {
    await startRelay();
    await eventually(() => relays.tap.ready(DELAY_QUEUE));
    // The tap hears the event, too; only without it does the broker return it.
    await relays.listenTo(['order.paid.v1']);
    await relays.tap.remove(DELAY_QUEUE);
    await writeEvents(database, ['created-2'], { routingKey: 'order.created.v1', body: orderCreatedBody('o-2') });
    await writeEvents(database, idsOf('others', 120));
    await receivedAll(idsOf('others', 120));
    await allPublished();
    expect((await relays.tap.drain(DELAY_QUEUE)).map(({ id }) => id)).toEqual(['created-2']);
  });

  it('passes by what cannot be published, and tries it again', async () => {
    const returned: string[] = [];
    await writeEvents(database, idsOf('nowhere', 60), { routingKey: 'order.nowhere.v1' });
    await writeEvents(database, idsOf('behind', 60));
    await startRelay({
      mustReachQueue: (key) => key === 'order.nowhere.v1',
      restoreQueues: async () => void returned.push('again'),
    });
    await receivedAll(idsOf('behind', 60));
    await eventually(() => returned.length >= 4);
    await eventually(async () => expect(await unpublished(database)).toEqual(idsOf('nowhere', 60)));
  });

  it('goes when it is woken, long before it would look', async () => {
    const relay = await startRelay({ pollIntervalMs: 3_600_000 });
    await writeEvents(database, ['first']);
    await eventually(() => {
      relay.wake();
      return relays.tap.ids.includes('first');
    });
    for (const id of idsOf('woken', 10)) {
      await writeEvents(database, [id]);
      relay.wake();
      await eventually(() => relays.tap.ids.includes(id));
    }
  });

  it('finishes the batch in hand when it is stopped, and takes no other', async () => {
    const started: OutboxRelay[] = [];
    const outbox = new MysqlOutbox(relays.shop.client);
    const relay = await startRelay({
      batchSize: 10,
      outbox: relayingBy(outbox, (batch, publish) =>
        outbox.relay(batch, (events) => {
          for (const each of started) each.stopIntake();
          return publish(events);
        }),
      ),
    });
    started.push(relay);
    await writeEvents(database, idsOf('stopping', 100));
    await eventually(async () => (await unpublished(database)).length < 100);
    await relay.drain();
    expect(await unpublished(database)).toEqual(idsOf('stopping', 100).slice(10));
  });

  it('waits for a broker that is not there, without touching the table', async () => {
    const relayed = jest.fn();
    const away: EventPublisher = {
      ...{ status: { state: 'connecting' }, start: async () => undefined, close: async () => undefined },
      publishBatch: () => Promise.reject(new Error('must not be called')),
    };
    const outbox = { relay: relayed, backlog: jest.fn(), prune: jest.fn() };
    let looks = 0;
    const watched = new Proxy(away, {
      get: (target, key, receiver) => {
        if (key === 'status') looks += 1;
        return Reflect.get(target, key, receiver) as unknown;
      },
    });
    await startRelay({ outbox, publisher: watched });
    await eventually(() => looks >= 3);
    expect(relayed).not.toHaveBeenCalled();
  });
});
