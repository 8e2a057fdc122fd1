import { nextOrderSn } from './plan-orders';
import type { PlannedOrder, Refusal } from './plan-orders';
import type { OrderView, ShopClient } from './shop-client';
import { ABSENT } from './story';
import type { OrderStory } from './story';
import { FINAL_STATUSES } from './truth';

export interface LifeContext {
  readonly client: ShopClient;
  /** Within this after its checkout was sent, a payment is in time. */
  readonly paymentTimeoutMs: number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly signal: AbortSignal;
  readonly notes: LifeNotes;
}

/** What the clients noted on the way. */
export interface LifeNotes {
  readonly stories: OrderStory[];
  /** Refused checkouts by code. */
  readonly refused: Record<string, number>;
  /** Answers that have no place in the story. */
  readonly strange: string[];
  readonly checkoutMs: number[];
  /** Planned orders whose client has nothing to do at once any more. */
  lived: number;
  /** Orders whose client saw that the time to pay was over. */
  timedOut: number;
  /** Payments that came after that. */
  latePayments: number;
}

/** What is left to do once the time to pay is over. */
export type Afterwards = () => Promise<void>;

const CODES: Readonly<Record<Refusal, string>> = {
  unknown_coupon: 'NOT_OWNED',
  foreign_coupon: 'NOT_OWNED',
  six_coupons: 'TOO_MANY_COUPONS',
  below_minimum: 'BELOW_MIN_AMOUNT',
};
const POLL_MS = 150;
const PATIENCE_MS = 45_000;
/** Between the service's clock and what the client sees of it. */
const SLACK_MS = 1_000;

export function freshNotes(): LifeNotes {
  return { stories: [], refused: {}, strange: [], checkoutMs: [], lived: 0, timedOut: 0, latePayments: 0 };
}

/** One order from its checkout on. Resolves when its client has nothing to do at once; with what comes later, if anything. */
export async function liveOrder(plan: PlannedOrder, context: LifeContext): Promise<Afterwards | undefined> {
  const sentMs = performance.now();
  const order = await place(plan, context);
  if (order === undefined) return undefined;
  const tell = (...mayEndAs: string[]): void => {
    context.notes.stories.push({ orderSn: plan.orderSn, fate: plan.fate, mayEndAs });
  };
  if (order.status === 'FAILED') {
    tell('FAILED');
    const isExpected = plan.mayBeSoldOut && order.reason_code === 'SOLD_OUT';
    if (!isExpected) context.notes.strange.push(`${plan.orderSn}: FAILED for ${String(order.reason_code)}`);
    return undefined;
  }
  const paymentSn = paymentOf(order);
  switch (plan.fate) {
    case 'free':
      tell('PAID');
      return undefined;
    case 'declined':
      await context.client.notify(paymentSn, 'failed', `no-${plan.orderSn}`);
      tell('CANCELLED');
      return undefined;
    case 'cancelled':
      await context.client.cancel(plan.orderSn, plan.userId);
      tell('CANCELLED');
      return undefined;
    case 'timed_out':
      tell('CANCELLED');
      return () => waitForTimeout(plan, context);
    case 'late':
      return () => payLate(plan, paymentSn, context, tell);
    case 'late_and_taken':
      return () => payLateForTaken(plan, paymentSn, context, tell);
    default: {
      const inTime = await pay(plan, paymentSn, sentMs, context);
      if (plan.fate === 'refunded') await refund(plan, context);
      tell(...(plan.fate === 'refunded' ? ['REFUNDED'] : inTime ? ['PAID'] : ['PAID', 'REFUNDED']));
      return undefined;
    }
  }
}

/** Undefined when it was refused. Otherwise the checkout saga has ended. */
async function place(plan: PlannedOrder, context: LifeContext): Promise<OrderView | undefined> {
  const { client, notes } = context;
  const started = performance.now();
  const answers = await Promise.all(Array.from({ length: plan.checkouts }, () => client.checkout(plan)));
  notes.checkoutMs.push(performance.now() - started);
  const [answer] = answers;
  if (answer?.kind !== 'order') {
    const code = answer?.code ?? 'NOT_UNDERSTOOD';
    notes.refused[code] = (notes.refused[code] ?? 0) + 1;
    notes.stories.push({ orderSn: plan.orderSn, fate: plan.fate, mayEndAs: [ABSENT] });
    const expected = plan.refusal === undefined ? undefined : CODES[plan.refusal];
    if (code !== expected) notes.strange.push(`${plan.orderSn} (${plan.fate}): ${code} ${answer?.message ?? ''}`);
    return undefined;
  }
  if (plan.refusal !== undefined) notes.strange.push(`${plan.orderSn}: not refused in spite of ${plan.refusal}`);
  const sagas = new Set(answers.map((one) => (one.kind === 'order' ? one.order.gid : one.code)));
  if (sagas.size > 1) notes.strange.push(`${plan.orderSn}: one checkout, answers ${[...sagas].join(' and ')}`);
  return until(plan, context, ({ status }) => status !== 'PENDING');
}

/** @returns whether the money was certainly there in time */
async function pay(
  plan: PlannedOrder,
  paymentSn: string,
  sentMs: number,
  { client, paymentTimeoutMs }: LifeContext,
): Promise<boolean> {
  const notify = (reference: string): Promise<void> => client.notify(paymentSn, 'succeeded', reference);
  await Promise.all(Array.from({ length: plan.notifications }, () => notify(`ok-${plan.orderSn}`)));
  const inTime = performance.now() - sentMs < paymentTimeoutMs - SLACK_MS;
  if (plan.isCapturedTwice) await notify(`ok2-${plan.orderSn}`);
  return inTime;
}

async function refund(plan: PlannedOrder, context: LifeContext): Promise<void> {
  const order = await until(plan, context, ({ status }) => FINAL_STATUSES.has(status));
  // A payment that came too late may have been given back already.
  if (order.status === 'PAID') await context.client.refund(plan.orderSn);
}

async function waitForTimeout(plan: PlannedOrder, context: LifeContext): Promise<void> {
  const { status } = await until(plan, context, (order) => FINAL_STATUSES.has(order.status));
  if (status === 'CANCELLED') context.notes.timedOut += 1;
  else context.notes.strange.push(`${plan.orderSn}: ${status} although nobody paid`);
}

type Tell = (...mayEndAs: string[]) => void;

async function payLate(plan: PlannedOrder, paymentSn: string, context: LifeContext, tell: Tell): Promise<void> {
  await waitForTimeout(plan, context);
  await context.client.notify(paymentSn, 'succeeded', `late-${plan.orderSn}`);
  context.notes.latePayments += 1;
  tell('PAID', 'REFUNDED');
}

/** The coupons have gone into another order of the same person by the time the money comes: it can only go back. */
async function payLateForTaken(plan: PlannedOrder, paymentSn: string, context: LifeContext, tell: Tell): Promise<void> {
  await waitForTimeout(plan, context);
  const again: PlannedOrder = { ...plan, orderSn: nextOrderSn(plan.orderSn), fate: 'paid' };
  await liveOrder(again, context);
  const { status } = await until(again, context, (order) => FINAL_STATUSES.has(order.status));
  await context.client.notify(paymentSn, 'succeeded', `late-${plan.orderSn}`);
  context.notes.latePayments += 1;
  tell(...(status === 'PAID' ? ['REFUNDED'] : ['PAID', 'REFUNDED']));
}

/** Asks until the order is as wanted. After the deadline the last answer, whatever it is: the verification names it. */
async function until(
  plan: PlannedOrder,
  { client, sleep, signal }: Pick<LifeContext, 'client' | 'sleep' | 'signal'>,
  isWanted: (order: OrderView) => boolean,
): Promise<OrderView> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    signal.throwIfAborted();
    const order = await client.order(plan.orderSn, plan.userId);
    if (isWanted(order) || performance.now() > deadline) return order;
    await sleep(POLL_MS);
  }
}

function paymentOf(order: OrderView): string {
  return order.payment_sn ?? '';
}
