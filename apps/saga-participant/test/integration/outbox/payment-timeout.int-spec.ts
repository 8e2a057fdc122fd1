import { eventually, useMysqlDatabase, useVhost } from '@coupon/testing';
import { createOutboxModule } from '../../../src/outbox/outbox.module';
import type { OutboxModule } from '../../../src/outbox/outbox.module';
import { PAYMENT_TIMEOUT_QUEUE, paymentDelayQueue } from '../../../src/outbox/event-topology';
import { BrokerTap } from '../../support/broker-tap';
import { idsOf, migrateCoupon, orderCreatedBody, unpublished, writeEvents } from '../../support/outbox-rows';
import { migrateShop, startService } from '../../support/service-under-test';
import type { ServiceUnderTest } from '../../support/service-under-test';

const TIMEOUT_MS = 300;
const DELAY_QUEUE = paymentDelayQueue(TIMEOUT_MS);
const DEAD_LETTERS = `${PAYMENT_TIMEOUT_QUEUE}.dlq`;

interface Instance extends ServiceUnderTest {
  readonly outbox: OutboxModule;
}

describe('payment timeouts', () => {
  const coupons = useMysqlDatabase({ migrate: migrateCoupon });
  const shop = useMysqlDatabase({ migrate: migrateShop });
  const vhost = useVhost();
  const due: string[] = [];
  let instances: Instance[] = [];
  let tap: BrokerTap;
  let failing: (orderSn: string) => Error | undefined = () => undefined;

  beforeEach(async () => {
    due.length = 0;
    failing = () => undefined;
    tap = await BrokerTap.open(vhost.url, ['coupon.used.v1']);
  });

  afterEach(async () => {
    await Promise.all(instances.map((instance) => instance.close()));
    instances = [];
    await tap.close();
  });

  async function start(environment: Record<string, string> = {}): Promise<Instance> {
    let outbox: OutboxModule | undefined;
    const service = await startService({
      environment: {
        ...{ MYSQL_URL: coupons.url, SHOP_MYSQL_URL: shop.url, AMQP_URL: vhost.url },
        ...{ PAYMENT_TIMEOUT_MS: String(TIMEOUT_MS), OUTBOX_POLL_INTERVAL_MS: '20', ...environment },
      },
      modules: (context) => {
        outbox = createOutboxModule(context, {
          onPaymentDue: async (orderSn) => {
            const error = failing(orderSn);
            if (error !== undefined) throw error;
            due.push(orderSn);
          },
        });
        return [outbox];
      },
    });
    const instance = Object.assign(service, { outbox: outbox as OutboxModule });
    instances.push(instance);
    return instance;
  }

  const created = (orderSns: readonly string[]): Promise<unknown> =>
    Promise.all(
      orderSns.map((orderSn) =>
        writeEvents(shop, [`created-${orderSn}`], { routingKey: 'order.created.v1', body: orderCreatedBody(orderSn) }),
      ),
    );
  const dueOrders = (): string[] => [...new Set(due)].sort();

  it('tells the order module when the time to pay is over', async () => {
    await start();
    await created(['t-1', 't-2', 't-3']);
    await eventually(() => expect(dueOrders()).toEqual(['t-1', 't-2', 't-3']));
    await eventually(async () => expect(await tap.ready(PAYMENT_TIMEOUT_QUEUE)).toBe(0));
    expect([await tap.ready(DELAY_QUEUE), await tap.ready(DEAD_LETTERS)]).toEqual([0, 0]);
  });

  it('lets every time to pay run out in a queue of its own, where it waits', async () => {
    await start({ PAYMENT_TIMEOUT_MS: '600000' });
    await eventually(() => tap.ready(paymentDelayQueue(600_000)));
    await created(['two-times']);
    // The other queue is there from the specs before; its copy of the message runs out and does no harm.
    await eventually(() => expect(dueOrders()).toEqual(['two-times']));
    expect(due).toHaveLength(1);
    expect((await tap.drain(paymentDelayQueue(600_000))).map(({ id }) => id)).toEqual(['created-two-times']);
    await tap.remove(paymentDelayQueue(600_000));
  });

  it('relays the events of both databases', async () => {
    const { outbox } = await start({ OUTBOX_POLL_INTERVAL_MS: '60000' });
    const wake = (): void => {
      outbox.wake('coupon');
      outbox.wake('shop');
    };
    await writeEvents(coupons, idsOf('used', 5), { routingKey: 'coupon.used.v1' });
    await created(['both-1']);
    await eventually(() => {
      wake();
      expect([tap.ids, dueOrders()]).toEqual([idsOf('used', 5), ['both-1']]);
    });
    expect([await unpublished(coupons), await unpublished(shop)]).toEqual([[], []]);
  });

  it('keeps what runs out while nobody consumes', async () => {
    const first = await start();
    await created(['early-1']);
    await eventually(() => expect(dueOrders()).toEqual(['early-1']));
    const orders = idsOf('down', 40);
    await created(orders);
    await eventually(async () => (await unpublished(shop)).length === 0);
    await first.close();
    instances = [];
    await eventually(async () => expect(await tap.ready(PAYMENT_TIMEOUT_QUEUE)).toBeGreaterThan(0));
    await start();
    await eventually(() => expect(dueOrders()).toEqual(['early-1', ...orders].sort()));
  });

  it('parks what it cannot read after three attempts, with the reason, and goes on', async () => {
    await start();
    await eventually(() => tap.ready(DEAD_LETTERS));
    await tap.send(PAYMENT_TIMEOUT_QUEUE, 'broken-1', '{"order_sn":', { event_type: 'order.created.v1' });
    await tap.send(PAYMENT_TIMEOUT_QUEUE, 'broken-2', JSON.stringify({ ...orderCreatedBody('x'), order_sn: 'a b' }), {
      ...{ event_type: 'order.created.v1', traceparent: 'trace-broken-2' },
    });
    await tap.send(PAYMENT_TIMEOUT_QUEUE, '', JSON.stringify(orderCreatedBody('x')), { event_type: 'order.paid.v1' });
    await tap.send(PAYMENT_TIMEOUT_QUEUE, 'unknown-1', '{}', { event_type: 'flash_sale.succeeded.v1' });
    await tap.send(PAYMENT_TIMEOUT_QUEUE, 'sound-1', JSON.stringify(orderCreatedBody('sound-1')), {
      event_type: 'order.payment_timeout.v1',
    });
    await eventually(async () => expect(await tap.ready(DEAD_LETTERS)).toBe(4));
    await eventually(() => expect(dueOrders()).toEqual(['sound-1']));
    const letters = (await tap.drain(DEAD_LETTERS)).map(({ id, headers }) => [
      ...[id.replace(/^sha256-[0-9a-f]{56}$/, 'id from its content'), headers['x-reason-code'], headers['x-attempts']],
    ]);
    expect(letters.sort()).toEqual([
      ['broken-1', 'NOT_JSON', 3],
      ['broken-2', 'INVALID_EVENT', 3],
      ['id from its content', 'UNEXPECTED_EVENT_TYPE', 3],
      ['unknown-1', 'UNKNOWN_EVENT_TYPE', 3],
    ]);
  });

  it('repeats what failed through no fault of the message for as long as it takes, and lets others pass', async () => {
    let attempts = 0;
    failing = (orderSn) => {
      if (orderSn !== 'stuck-1') return undefined;
      attempts += 1;
      return attempts <= 12 ? new Error('the database is away') : undefined;
    };
    await start();
    await created(['stuck-1']);
    await eventually(() => attempts >= 1);
    await created(idsOf('passing', 40));
    await eventually(() => expect(dueOrders()).toEqual([...idsOf('passing', 40), 'stuck-1'].sort()), {
      timeoutMs: 20_000,
    });
    expect(attempts).toBe(13);
    expect(await tap.ready(DEAD_LETTERS)).toBe(0);
  });

  it('gives back what it is in the middle of when it ends, and another instance takes it', async () => {
    failing = () => new Error('the database is away');
    const first = await start();
    await created(['handed-1']);
    await eventually(async () => expect((await metricOf(first, 'repeated')) > 0).toBe(true));
    await first.close();
    instances = [];
    expect(due).toEqual([]);
    failing = () => undefined;
    await start();
    await eventually(() => expect(dueOrders()).toEqual(['handed-1']));
  });

  it('shows the broker in the health answer: without it the service is degraded, not down', async () => {
    const { http } = await start();
    const health = async (base: string): Promise<unknown> => (await fetch(`${base}/health`)).json();
    await eventually(async () => expect(await health(http)).toMatchObject({ status: 'ok' }));
    const without = await start({ AMQP_URL: 'amqp://127.0.0.1:1' });
    expect(await health(without.http)).toMatchObject({
      status: 'degraded',
      checks: { rabbitmq: { status: 'unhealthy' } },
    });
  });

  it('counts what is published, handled and left', async () => {
    const { context } = await start();
    await created(['metric-1']);
    await eventually(() => expect(dueOrders()).toContain('metric-1'));
    const { body } = await context.metrics.render();
    expect(body).toMatch(/coupon_saga_outbox_events_total\{database="shop",outcome="published",service="test"\} 1\n/);
    expect(body).toMatch(/coupon_saga_payment_timeouts_total\{outcome="handled",service="test"\} 1\n/);
    expect(body).toMatch(/coupon_saga_outbox_unpublished\{database="coupon",service="test"\} 0\n/);
    expect(body).toMatch(/coupon_saga_outbox_lag_seconds\{database="shop",service="test"\} /);
  });

  async function metricOf({ context }: Instance, outcome: string): Promise<number> {
    const { body } = await context.metrics.render();
    return Number(new RegExp(`payment_timeouts_total\\{outcome="${outcome}"[^}]*\\} (\\d+)`).exec(body)?.[1] ?? 0);
  }
});
