import { ABSENT, FINAL_STATUSES } from '@coupon/demo';
import type { CheckoutAnswer, Fate, OrderStory, OrderView, ShopClient } from '@coupon/demo';
import type { SeededRandom } from '@coupon/testing';
import type { Errand, Outcome, Wish } from './errand';
import type { BarrierHolds, BranchPoint } from './holds';

export interface ShopperOptions {
  /** One per process of the service: every call takes one of them. */
  readonly clients: readonly ShopClient[];
  readonly random: SeededRandom;
  readonly holds: BarrierHolds;
  /** Payments may be late through no fault of their own. */
  readonly isDisturbed: boolean;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

const POLL_MS = 60;
const SNATCH_MS = 15;
/** Of a refusal that a later pass of DTM has found, DTM does not know the reason any more. */
const REASON_LOST = 'SAGA_FAILED';

const FATES: Readonly<Record<Wish, Fate>> = {
  pay: 'paid',
  'pay-twice': 'paid',
  decline: 'declined',
  cancel: 'cancelled',
  refund: 'refunded',
  leave: 'timed_out',
  'pay-cancelled': 'late',
  'pay-while-cancelling': 'late',
  'pay-at-deadline': 'late',
  'nothing-to-pay': 'free',
};

/** Customers at their errands, over real HTTP; notes what each was told and what it may expect therefore. */
export class Shoppers {
  readonly stories: OrderStory[] = [];
  readonly outcomes: Outcome[] = [];
  /** Answers that have no place in the story. */
  readonly strange: string[] = [];

  constructor(private readonly options: ShopperOptions) {}

  /** Resolves when all of them have come to an end. */
  async live(errands: readonly Errand[], concurrency: number): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let errand = errands[next++]; errand !== undefined; errand = errands[next++]) await this.#liveOne(errand);
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
  }

  async #liveOne(errand: Errand): Promise<void> {
    try {
      await this.#live(errand);
    } catch (error) {
      this.strange.push(
        `${errand.orderSn} (${errand.wish}): ${error instanceof Error ? error.message : String(error)}`,
      );
      this.#tell(errand, [...FINAL_STATUSES, ABSENT]);
    }
  }

  get #client(): ShopClient {
    return this.options.random.pick(this.options.clients);
  }

  async #live(errand: Errand): Promise<void> {
    await this.#hold(errand, 'checkout', errand.orderSn);
    const order = await this.#place(errand);
    if (order === undefined) return;
    if (order.status === 'FAILED') {
      this.#failed(errand, order);
      return;
    }
    const rival = errand.rival && this.#live(errand.rival);
    rival?.catch(() => undefined); // awaited below
    let hasEnded = false;
    const snatching = errand.snatcher && this.#snatch(errand.snatcher, () => hasEnded);
    snatching?.catch(() => undefined); // awaited below
    const mayEndAs = await this.#act(errand, order);
    const end = await this.#until(errand, ({ status }) => FINAL_STATUSES.has(status) && mayEndAs.includes(status));
    // What the customer has been told last must stay true.
    this.#tell(errand, mayEndAs.includes(end.status) ? [end.status] : mayEndAs, end);
    hasEnded = true;
    await rival;
    await snatching;
  }

  /** A refused checkout leaves nothing behind: it is sent again under the same number. */
  async #snatch(errand: Errand, hasEnded: () => boolean): Promise<void> {
    while (!hasEnded()) {
      const answer = await this.#client.checkout(errand);
      if (answer.kind === 'order') break;
      if (!errand.mayFailWith.includes(answer.code)) break;
      await pause(SNATCH_MS);
    }
    await this.#live(errand);
  }

  async #place(errand: Errand): Promise<OrderView | undefined> {
    const answers = await Promise.all(Array.from({ length: errand.copies }, () => this.#client.checkout(errand)));
    const [answer] = answers;
    if (new Set(answers.map(sagaOf)).size > 1) {
      this.strange.push(`${errand.orderSn}: one checkout, answers ${[...new Set(answers.map(sagaOf))].join(' and ')}`);
    }
    if (answer?.kind !== 'order') {
      const code = answer?.code ?? 'NO_ANSWER';
      if (!errand.mayFailWith.includes(code)) {
        this.strange.push(`${errand.orderSn} (${errand.wish}): refused with ${code} ${answer?.message ?? ''}`);
      }
      this.#tell(errand, [ABSENT], undefined, code);
      return undefined;
    }
    const order = await this.#until(errand, ({ status }) => status !== 'PENDING');
    if (order.status === 'PENDING') throw new Error('the checkout does not come to its end');
    return order;
  }

  #failed(errand: Errand, order: OrderView): void {
    const code = String(order.reason_code);
    const isExpected = errand.mayFailWith.length > 0 && [...errand.mayFailWith, REASON_LOST].includes(code);
    if (!isExpected) this.strange.push(`${errand.orderSn} (${errand.wish}): FAILED for ${code}`);
    this.#tell(errand, ['FAILED'], order, code);
  }

  /** @returns what the order may be in the end */
  async #act(errand: Errand, order: OrderView): Promise<string[]> {
    const { orderSn } = errand;
    const paymentSn = order.payment_sn ?? '';
    const paid = this.options.isDisturbed ? ['PAID', 'REFUNDED'] : ['PAID'];
    switch (errand.wish) {
      case 'nothing-to-pay':
        return ['PAID'];
      case 'leave':
        return ['CANCELLED'];
      case 'pay':
        await this.#hold(errand, 'settle', paymentSn);
        await this.#pay(orderSn, paymentSn);
        return paid;
      case 'pay-twice':
        await Promise.all([this.#pay(orderSn, paymentSn), this.#pay(orderSn, paymentSn)]);
        await this.#client.notify(paymentSn, 'succeeded', `again-${orderSn}`);
        return paid;
      case 'decline':
        await this.#client.notify(paymentSn, 'failed', `no-${orderSn}`);
        return ['CANCELLED'];
      case 'cancel':
        await this.#hold(errand, 'cancel', orderSn);
        await this.#client.cancel(orderSn, errand.userId);
        return ['CANCELLED'];
      case 'refund':
        return this.#payAndRefund(errand, paymentSn);
      case 'pay-cancelled':
        await this.#client.cancel(orderSn, errand.userId);
        await this.#until(errand, ({ status }) => status === 'CANCELLED');
        await this.#hold(errand, 'reacquire', paymentSn);
        await this.#pay(orderSn, paymentSn);
        return ['PAID', 'REFUNDED'];
      case 'pay-while-cancelling':
        return this.#payWhileCancelling(errand, paymentSn);
      case 'pay-at-deadline':
        return this.#payAtDeadline(errand, paymentSn);
    }
  }

  async #payAndRefund(errand: Errand, paymentSn: string): Promise<string[]> {
    await this.#pay(errand.orderSn, paymentSn);
    const { status } = await this.#until(
      errand,
      (order) => FINAL_STATUSES.has(order.status) && order.status !== 'CANCELLED',
    );
    if (status === 'PAID') {
      await this.#hold(errand, 'refund', paymentSn);
      await this.#client.refund(errand.orderSn);
    }
    return ['REFUNDED'];
  }

  /** Both at once, in either order. A cancellation that is refused was told that the order is paid. */
  async #payWhileCancelling(errand: Errand, paymentSn: string): Promise<string[]> {
    const { random } = this.options;
    const [payMs, cancelMs] = [random.int(0, 12), random.int(0, 12)];
    const [, isRefused] = await Promise.all([
      pause(payMs).then(() => this.#pay(errand.orderSn, paymentSn)),
      pause(cancelMs).then(() =>
        this.#client.cancel(errand.orderSn, errand.userId).then(
          () => false,
          (error: unknown) => {
            if (error instanceof Error && / 409 .*CONFLICT/.test(error.message)) return true;
            throw error;
          },
        ),
      ),
    ]);
    return isRefused ? ['PAID'] : ['PAID', 'REFUNDED'];
  }

  async #payAtDeadline(errand: Errand, paymentSn: string): Promise<string[]> {
    const { random } = this.options;
    const order = (await this.#client.order(errand.orderSn, errand.userId)) as OrderView & {
      readonly payment_deadline?: string;
    };
    const deadlineMs = order.payment_deadline === undefined ? Date.now() : Date.parse(order.payment_deadline);
    await pause(deadlineMs - Date.now() + random.int(-40, 160));
    await this.#pay(errand.orderSn, paymentSn);
    return ['PAID', 'REFUNDED'];
  }

  #pay(orderSn: string, paymentSn: string): Promise<void> {
    return this.#client.notify(paymentSn, 'succeeded', `ok-${orderSn}`);
  }

  async #hold({ point }: Errand, saga: BranchPoint['saga'], of: string): Promise<void> {
    if (point?.saga === saga) await this.options.holds.place(point, `${saga}-${of}`);
  }

  #tell(errand: Errand, mayEndAs: readonly string[], order?: OrderView, code?: string): void {
    this.stories.push({ orderSn: errand.orderSn, fate: FATES[errand.wish], mayEndAs });
    const reasonCode = order?.reason_code ?? code;
    this.outcomes.push({ errand, status: order?.status, reasonCode });
  }

  /** Asks until the order is as wanted. After the deadline the last answer, whatever it is: the verification names it. */
  async #until({ orderSn, userId }: Errand, isWanted: (order: OrderView) => boolean): Promise<OrderView> {
    const deadline = performance.now() + this.options.patienceMs;
    for (;;) {
      this.options.signal.throwIfAborted();
      const order = await this.#client.order(orderSn, userId);
      if (isWanted(order) || performance.now() > deadline) return order;
      await pause(POLL_MS);
    }
  }
}

function sagaOf(answer: CheckoutAnswer): string {
  return answer.kind === 'order' ? String(answer.order.gid) : answer.code;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
