import { AppError } from '@coupon/domain';
import type { FinalSagaState } from '@coupon/saga';
import type { ShopDatabase, ShopTransaction } from '../adapters/databases';
import { insertOrderEvent } from './adapters/order-outbox';
import { lockOrder, readItems, updateOrder, updateOrderAtEnd } from './adapters/order-rows';
import { earlierRuns, finishRun, insertRun } from './adapters/saga-runs';
import type { Lease, RunEnd } from './adapters/saga-runs';
import { appliedCoupons } from './order';
import type { LockedOrder, NewOrder, Order } from './order';
import { decide } from './order-transitions';
import type { Decision, OrderEvent, OrderStatus, SagaKind } from './order-transitions';
import type { OrderArbiter } from './ports';
import { reasonCodeOf } from './sagas/reason-code';
import { gidOf } from './sagas/saga-run';
import type { SagaInput, SagaRun } from './sagas/saga-run';

export interface ArbiterOptions {
  readonly shop: ShopDatabase;
  readonly paymentTimeoutMs: number;
  /** A saga was decided on in a transaction of somebody else, which will commit soon. */
  readonly onDecided: () => void;
}

/** What a decision leads to. */
export interface Ruling {
  readonly order: Order;
  readonly decision: Decision['kind'];
  readonly started: StartedRun | undefined;
}

interface StartedRun {
  readonly run: SagaRun;
  /** It waits for whoever holds the lease, and for nobody else. */
  readonly isLeased: boolean;
}

const FIRST_REPEAT_MS = 1_000;
const LAST_REPEAT_MS = 60_000;

/**
 * The only one who moves orders: under the lock of the order's row, in one transaction with the saga that follows and the event that tells
 * others. Payment, refusal, timeout, the user and the ends of sagas all come through here, so of two that come at once one is second.
 */
export class Arbiter implements OrderArbiter {
  constructor(private readonly options: ArbiterOptions) {}

  async paymentCaptured(tx: ShopTransaction, orderSn: string): Promise<void> {
    await this.#report(tx, orderSn, { kind: 'payment-captured' });
  }

  async paymentDeclined(tx: ShopTransaction, orderSn: string): Promise<void> {
    await this.#report(tx, orderSn, { kind: 'payment-declined' });
  }

  /** The end of a saga; a second time, nothing. The saga that follows is leased, when a lease is given. */
  sagaEnded(run: SagaRun, end: FinalSagaState, lease?: Lease): Promise<Ruling | undefined> {
    const reason = end.kind === 'failed' ? end.reason : null;
    const event: OrderEvent =
      end.kind === 'succeeded'
        ? { kind: 'saga-succeeded', saga: run.kind }
        : { kind: 'saga-failed', saga: run.kind, reasonCode: reasonCodeOf(end.reason) };
    const ended: RunEnd = { gid: run.gid, state: end.kind === 'succeeded' ? 'SUCCEEDED' : 'FAILED', reason };
    return this.options.shop.transaction(async (tx) => {
      const order = await lockOrder(tx, run.orderSn);
      if (order !== undefined) return this.#apply(tx, order, event, { ended, lease });
      await finishRun(tx, ended);
      return undefined;
    });
  }

  /**
   * Cancels or refunds.
   * @param condition looked at under the lock; false: nothing is decided
   * @throws AppError NOT_FOUND; CONFLICT when the order's status does not allow it
   */
  command(
    orderSn: string,
    event: Extract<OrderEvent, { kind: 'cancel' | 'refund' }>,
    condition: (order: LockedOrder) => boolean = () => true,
  ): Promise<Ruling> {
    return this.options.shop.transaction(async (tx): Promise<Ruling> => {
      const order = await lockOrder(tx, orderSn);
      if (order === undefined) throw new AppError('NOT_FOUND', 'there is no such order');
      if (!condition(order)) return { order, decision: 'nothing', started: undefined };
      return this.#apply(tx, order, event);
    });
  }

  async #report(tx: ShopTransaction, orderSn: string, event: OrderEvent): Promise<void> {
    const order = await lockOrder(tx, orderSn);
    if (order === undefined) return;
    const { started } = await this.#apply(tx, order, event);
    if (started !== undefined) this.options.onDecided();
  }

  async #apply(
    tx: ShopTransaction,
    order: LockedOrder,
    event: OrderEvent,
    { ended, lease }: { readonly ended?: RunEnd; readonly lease?: Lease | undefined } = {},
  ): Promise<Ruling> {
    const decision = decide(order.status, event, order.facts);
    const unmoved: Ruling = { order, decision: 'nothing', started: undefined };
    if (decision.kind === 'refused') {
      throw new AppError('CONFLICT', `an order that is ${order.status} cannot be ${PAST[event.kind]}`, {
        details: { status: order.status },
      });
    }
    if (decision.kind === 'nothing') {
      if (ended !== undefined) await finishRun(tx, ended);
      return unmoved;
    }
    const moved = this.#moved(order, decision);
    if (ended === undefined) await updateOrder(tx, order.orderSn, moved);
    else if (!(await updateOrderAtEnd(tx, order.orderSn, moved, ended))) return unmoved;
    const change = { from: order, to: moved, event, lease };
    const started = decision.saga && (await this.#startSaga(tx, change, decision.saga));
    if (decision.publishes !== undefined) await insertOrderEvent(tx, decision.publishes, moved, order.now);
    return { order: moved, decision: 'move', started };
  }

  #moved(order: LockedOrder, { to, reasonCode }: Extract<Decision, { kind: 'move' }>): Order {
    const { now, facts: _facts, ...row } = order;
    return {
      ...row,
      status: to,
      reasonCode: reasonCode === undefined ? order.reasonCode : reasonCode,
      paymentDeadline:
        to === 'AWAITING_PAYMENT' ? new Date(now.getTime() + this.options.paymentTimeoutMs) : order.paymentDeadline,
      paidAt: to === 'PAID' ? now : order.paidAt,
      closedAt: CLOSED.has(to) ? now : null,
      version: order.version + 1,
    };
  }

  async #startSaga(
    tx: ShopTransaction,
    change: { readonly from: Order; readonly to: Order; readonly event: OrderEvent; readonly lease: Lease | undefined },
    kind: SagaKind,
  ): Promise<StartedRun> {
    const { from, to, event, lease } = change;
    // Only these come back to where they were; every other saga is the only one of its kind.
    const isRepeat = from.status === to.status || from.status === 'REFUNDED';
    const earlier = isRepeat ? await earlierRuns(tx, to.orderSn, kind) : { count: 0, last: undefined };
    const gid = gidOf(kind, to, earlier.count + 1);
    // A refund that did not get through is repeated under the provider's same key; a later one is other money.
    const sameMoney = event.kind === 'saga-failed' ? earlier.last?.refundSn : undefined;
    const items = kind === 'reacquire' ? await readItems(tx, to.orderSn) : [];
    const run: SagaRun = {
      gid,
      kind,
      orderSn: to.orderSn,
      input: {
        ...inputOf(to),
        items: items.map(({ productId, categoryId, quantity, priceMinor }) => ({
          productId,
          categoryId,
          quantity,
          priceMinor: String(priceMinor),
        })),
        ...(kind === 'refund' ? { refundSn: sameMoney ?? gid } : {}),
        ...(to.reasonCode === null ? {} : { reason: to.reasonCode }),
      },
    };
    if (event.kind === 'saga-failed' && isRepeat) {
      const delayMs = Math.min(FIRST_REPEAT_MS * 2 ** Math.min(earlier.count - 1, 16), LAST_REPEAT_MS);
      await insertRun(tx, run, { delayMs });
      return { run, isLeased: false };
    }
    await insertRun(tx, run, lease === undefined ? { delayMs: 0 } : { lease });
    return { run, isLeased: lease !== undefined };
  }
}

/** What every saga of an order is given; the items are left to those that need them. */
export function inputOf(order: NewOrder): SagaInput {
  return {
    orderSn: order.orderSn,
    userId: order.userId,
    paymentSn: order.paymentSn,
    originalMinor: String(order.originalMinor),
    discountMinor: String(order.discountMinor),
    finalMinor: String(order.finalMinor),
    shippingFeeMinor: String(order.shippingFeeMinor),
    coupons: appliedCoupons(order),
    items: [],
  };
}

const CLOSED: ReadonlySet<OrderStatus> = new Set(['FAILED', 'CANCELLED', 'REFUNDED']);

const PAST: Readonly<Record<OrderEvent['kind'], string>> = {
  cancel: 'cancelled',
  refund: 'refunded',
  'payment-captured': 'paid',
  'payment-declined': 'declined',
  'saga-succeeded': 'moved',
  'saga-failed': 'moved',
};
