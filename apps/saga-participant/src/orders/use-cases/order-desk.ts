import type { ShopDatabase } from '../../adapters/databases';
import { overdueOrders, readStatuses } from '../adapters/order-rows';
import type { OverdueOrder } from '../adapters/order-rows';
import { AppError } from '@coupon/domain';
import type { Logger } from '@coupon/service-kit';
import type { Arbiter, Ruling } from '../arbiter';
import type { OrderStatus } from '../order-transitions';
import type { OrderDesk } from '../ports';
import type { SagaDriver } from '../sagas/saga-driver';

export const PAYMENT_TIMEOUT = 'PAYMENT_TIMEOUT';
const USER_CANCELLED = 'USER_CANCELLED';
const REFUND_REQUESTED = 'REFUND_REQUESTED';
const SWEEP_PAGE = 100;

export interface OrderDeskDeps {
  readonly shop: ShopDatabase;
  readonly arbiter: Pick<Arbiter, 'command'>;
  readonly driver: Pick<SagaDriver, 'wake'>;
  readonly logger: Pick<Logger, 'warn'>;
}

/** What can be asked for about an order that exists. */
export class Desk implements OrderDesk {
  constructor(private readonly deps: OrderDeskDeps) {}

  /** @throws AppError NOT_FOUND, CONFLICT */
  cancel(orderSn: string): Promise<Ruling> {
    return this.#driven(this.deps.arbiter.command(orderSn, { kind: 'cancel', reasonCode: USER_CANCELLED }));
  }

  /** All of it. @throws AppError NOT_FOUND, CONFLICT */
  refund(orderSn: string): Promise<Ruling> {
    return this.#driven(this.deps.arbiter.command(orderSn, { kind: 'refund', reasonCode: REFUND_REQUESTED }));
  }

  async paymentDue(orderSn: string): Promise<void> {
    const timeout = { kind: 'cancel', reasonCode: PAYMENT_TIMEOUT } as const;
    try {
      await this.#driven(
        this.deps.arbiter.command(orderSn, timeout, ({ status, paymentDeadline, now }) => {
          return status === 'AWAITING_PAYMENT' && paymentDeadline !== null && paymentDeadline <= now;
        }),
      );
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'NOT_FOUND')) throw error;
    }
  }

  statusOf(orderSns: readonly string[]): Promise<Map<string, OrderStatus>> {
    return readStatuses(this.deps.shop.client, orderSns);
  }

  driveSoon(): void {
    this.deps.driver.wake();
  }

  /** Cancels what waits for payments that nobody has told us are due. An order that cannot be cancelled does not keep the others waiting. */
  async sweep(stopped: () => boolean): Promise<void> {
    const { shop, logger } = this.deps;
    let last: OverdueOrder | undefined;
    do {
      const page = await overdueOrders(shop.client, last, SWEEP_PAGE);
      for (const { orderSn } of page) {
        if (stopped()) return;
        try {
          await this.paymentDue(orderSn);
        } catch (error) {
          logger.warn({ err: error, order_sn: orderSn }, 'an order past its time to pay could not be cancelled');
        }
      }
      last = page.length < SWEEP_PAGE ? undefined : page.at(-1);
    } while (last !== undefined);
  }

  async #driven(ruling: Promise<Ruling>): Promise<Ruling> {
    const result = await ruling;
    if (result.started !== undefined) this.deps.driver.wake();
    return result;
  }
}
