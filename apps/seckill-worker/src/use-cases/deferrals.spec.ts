import { pino } from 'pino';
import type { Delivery, EventPublisher, OutgoingMessage } from '@coupon/messaging';
import { Deferrals } from './deferrals';

const MINUTE_MS = 60_000;

function delivery(headers: Record<string, unknown> = {}): Delivery {
  const body = Buffer.from('{}');
  return { id: '7-1-3', type: 'flash_sale.succeeded.v1', body, headers, redelivered: false, deliveryCount: 0 };
}

function deferrals(nowMs: number, published: OutgoingMessage[] = []): Deferrals {
  const publisher: EventPublisher = {
    publishBatch: async (messages) => {
      published.push(...messages);
      return messages.map(() => ({ kind: 'confirmed' }));
    },
    status: { state: 'open' },
    start: async () => undefined,
    close: async () => undefined,
  };
  return new Deferrals({ publisher, clock: { nowMs: () => nowMs, after: () => () => undefined }, queue: 'work' });
}

describe('Deferrals', () => {
  it('publishes the event at the end of its queue under the same id, with how often and since when it waits', async () => {
    const published: OutgoingMessage[] = [];
    const patience = { logger: pino({ level: 'silent' }), random: () => 0, signal: new AbortController().signal };
    await deferrals(5_000, published).defer(delivery({ traceparent: 'tp' }), patience);
    expect(published).toMatchObject([
      {
        id: '7-1-3',
        type: 'flash_sale.succeeded.v1',
        queue: 'work',
        headers: { traceparent: 'tp', 'x-deferred-since': 5_000, 'x-deferrals': 1 },
      },
    ]);
  });

  it('gives up only what has waited long and was looked at often: an outage in between is no reason', () => {
    const nowMs = 100 * MINUTE_MS;
    const waited = (minutes: number, looks: number): boolean =>
      deferrals(nowMs).hasExpired(delivery({ 'x-deferred-since': nowMs - minutes * MINUTE_MS, 'x-deferrals': looks }));
    expect(waited(20, 1)).toBe(false);
    expect(waited(1, 500)).toBe(false);
    expect(waited(20, 100)).toBe(true);
    expect(deferrals(nowMs).hasExpired(delivery())).toBe(false);
  });
});
