import { eventually, useMysqlDatabase, useOwnServers } from '@coupon/testing';
import { createOutboxModule } from '../../../src/outbox/outbox.module';
import { PAYMENT_TIMEOUT_QUEUE, paymentDelayQueue } from '../../../src/outbox/event-topology';
import { BrokerTap } from '../../support/broker-tap';
import { migrateCoupon, orderCreatedBody, unpublished, writeEvents } from '../../support/outbox-rows';
import { migrateShop, startService } from '../../support/service-under-test';

const TIMEOUT_MS = 1_000;
const SETTLE_ORDERS = 40;
const PATIENCE = { timeoutMs: 60_000, intervalMs: 100 } as const;

jest.setTimeout(180_000);

describe('a broker that is killed and started again', () => {
  const coupons = useMysqlDatabase({ migrate: migrateCoupon });
  const shop = useMysqlDatabase({ migrate: migrateShop });
  const own = useOwnServers(['rabbitmq']);

  it('loses no end of a time to pay, whether it was in the outbox, on its way, waiting or due', async () => {
    const { url } = own.endpoints.rabbitmq;
    const due = new Set<string>();
    const service = await startService({
      environment: {
        ...{ MYSQL_URL: coupons.url, SHOP_MYSQL_URL: shop.url, AMQP_URL: url },
        ...{ PAYMENT_TIMEOUT_MS: String(TIMEOUT_MS), OUTBOX_POLL_INTERVAL_MS: '20' },
      },
      modules: (context) => [createOutboxModule(context, { onPaymentDue: async (orderSn) => void due.add(orderSn) })],
    });
    try {
      const written: string[] = [];
      const write = async (): Promise<void> => {
        const orderSn = `r-${written.length}`;
        written.push(orderSn);
        const body = orderCreatedBody(orderSn);
        await writeEvents(shop, [`created-${orderSn}`], { routingKey: 'order.created.v1', body });
      };
      // RabbitMQ writes down that a quorum queue exists within a second or so; this broker has had more than the time to pay.
      for (let count = 0; count < SETTLE_ORDERS; count += 1) await write();
      await eventually(() => due.size === SETTLE_ORDERS, PATIENCE);
      for (let round = 0; round < 2; round += 1) {
        for (let count = 0; count < 50; count += 1) await write();
        await eventually(async () => (await unpublished(shop)).length === 0, PATIENCE);
        const restarting = own.servers.rabbitmq.restart();
        for (let count = 0; count < 50; count += 1) await write();
        await restarting;
        await write();
      }
      await eventually(() => expect([...due].sort()).toEqual([...written].sort()), PATIENCE);
      expect(await unpublished(shop)).toEqual([]);
      const tap = await BrokerTap.open(url);
      for (const queue of [paymentDelayQueue(TIMEOUT_MS), PAYMENT_TIMEOUT_QUEUE, `${PAYMENT_TIMEOUT_QUEUE}.dlq`]) {
        await eventually(async () => (await tap.ready(queue)) === 0, PATIENCE);
      }
      await tap.close();
    } finally {
      await service.close();
    }
  });
});
