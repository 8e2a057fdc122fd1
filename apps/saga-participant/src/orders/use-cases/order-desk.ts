import type { ShopDatabase } from '../../adapters/databases';
import { overdueOrders, readStatuses } from '../adapters/order-rows';
import { AppError } from '@coupon/domain';
import type { Arbiter, Ruling } from '../arbiter';
import type { OrderStatus } from '../order-transitions';
import type { OrderDesk } from '../ports';
import type { SagaDriver } from '../sagas/saga-driver';

export const PAYMENT_TIMEOUT = 'PAYMENT_TIMEOUT';
const USER_CANCELLED = 'USER_CANCELLED';
const REFUND_REQUESTED = 'REFUND_REQUESTED';
const SWEEP_BATCH = 100;

export interface OrderDeskDeps {
  readonly shop: ShopDatabase;
  readonly arbiter: Pick<Arbiter, 'command'>;
  readonly driver: Pick<SagaDriver, 'wake'>;
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

  /** Cancels what waits for payments that nobody has told us are due. */
  async sweep(stopped: () => boolean): Promise<void> {
    for (;;) {
      const overdue = await overdueOrders(this.deps.shop.client, SWEEP_BATCH);
      for (const orderSn of overdue) {
        if (stopped()) return;
        await this.paymentDue(orderSn);
      }
      if (overdue.length < SWEEP_BATCH) return;
    }
  }

  async #driven(ruling: Promise<Ruling>): Promise<Ruling> {
    const result = await ruling;
    if (result.started !== undefined) this.deps.driver.wake();
    return result;
  }
}
