import * as fc from 'fast-check';
import { ORDER_STATUSES, SAGA_OF, decide, isTransient } from './order-transitions';
import type { OrderEvent, OrderFacts, OrderStatus, SagaKind } from './order-transitions';

const NO_MONEY: OrderFacts = { isFree: false, isCaptured: false, isDeclined: false };
const CAPTURED: OrderFacts = { ...NO_MONEY, isCaptured: true };

const succeeded = (saga: SagaKind): OrderEvent => ({ kind: 'saga-succeeded', saga });
const failed = (saga: SagaKind): OrderEvent => ({ kind: 'saga-failed', saga, reasonCode: 'SOLD_OUT' });
const capture: OrderEvent = { kind: 'payment-captured' };
const decline: OrderEvent = { kind: 'payment-declined' };
const cancel: OrderEvent = { kind: 'cancel', reasonCode: 'USER_CANCELLED' };
const refund: OrderEvent = { kind: 'refund', reasonCode: 'REFUND_REQUESTED' };

describe('transitions of an order', () => {
  it.each<[OrderStatus, OrderEvent, OrderFacts, object]>([
    ['PENDING', succeeded('checkout'), NO_MONEY, { to: 'AWAITING_PAYMENT', publishes: 'order.created.v1' }],
    ['PENDING', succeeded('checkout'), { ...NO_MONEY, isFree: true }, { to: 'SETTLING', saga: 'settle' }],
    ['PENDING', succeeded('checkout'), CAPTURED, { to: 'SETTLING', saga: 'settle' }],
    [
      'PENDING',
      succeeded('checkout'),
      { ...NO_MONEY, isDeclined: true },
      { to: 'CANCELLING', saga: 'cancel', reasonCode: 'PAYMENT_DECLINED' },
    ],
    ['PENDING', failed('checkout'), NO_MONEY, { to: 'FAILED', reasonCode: 'SOLD_OUT' }],
    ['PENDING', failed('checkout'), CAPTURED, { to: 'REFUNDING', saga: 'refund', reasonCode: 'SOLD_OUT' }],
    ['AWAITING_PAYMENT', capture, CAPTURED, { to: 'SETTLING', saga: 'settle' }],
    ['AWAITING_PAYMENT', decline, NO_MONEY, { to: 'CANCELLING', saga: 'cancel', reasonCode: 'PAYMENT_DECLINED' }],
    ['AWAITING_PAYMENT', cancel, NO_MONEY, { to: 'CANCELLING', saga: 'cancel', reasonCode: 'USER_CANCELLED' }],
    ['SETTLING', succeeded('settle'), CAPTURED, { to: 'PAID', publishes: 'order.paid.v1' }],
    ['SETTLING', failed('settle'), CAPTURED, { to: 'REFUNDING', saga: 'refund' }],
    ['CANCELLING', succeeded('cancel'), NO_MONEY, { to: 'CANCELLED', publishes: 'order.cancelled.v1' }],
    ['CANCELLING', succeeded('cancel'), CAPTURED, { to: 'REACQUIRING', saga: 'reacquire' }],
    ['CANCELLING', failed('cancel'), NO_MONEY, { to: 'CANCELLING', saga: 'cancel' }],
    ['CANCELLED', capture, CAPTURED, { to: 'REACQUIRING', saga: 'reacquire' }],
    ['REACQUIRING', succeeded('reacquire'), CAPTURED, { to: 'PAID', reasonCode: null, publishes: 'order.paid.v1' }],
    ['REACQUIRING', failed('reacquire'), CAPTURED, { to: 'REFUNDING', saga: 'refund', reasonCode: 'SOLD_OUT' }],
    ['FAILED', capture, CAPTURED, { to: 'REFUNDING', saga: 'refund' }],
    ['PAID', refund, CAPTURED, { to: 'REFUNDING', saga: 'refund', reasonCode: 'REFUND_REQUESTED' }],
    ['REFUNDING', succeeded('refund'), NO_MONEY, { to: 'REFUNDED', publishes: 'order.refunded.v1' }],
    ['REFUNDING', succeeded('refund'), CAPTURED, { to: 'REFUNDING', saga: 'refund' }],
    ['REFUNDING', failed('refund'), CAPTURED, { to: 'REFUNDING', saga: 'refund' }],
  ])('%s, %o with %o: %o', (status, event, facts, expected) => {
    expect(decide(status, event, facts)).toMatchObject({ kind: 'move', ...expected });
  });

  it('cancels only what waits for payment, refunds only what is paid; both may be said again', () => {
    const kinds = (event: OrderEvent): Record<string, string> =>
      Object.fromEntries(ORDER_STATUSES.map((status) => [status, decide(status, event, NO_MONEY).kind]));
    expect(kinds(cancel)).toEqual({
      ...Object.fromEntries(ORDER_STATUSES.map((status) => [status, 'refused'])),
      AWAITING_PAYMENT: 'move',
      CANCELLING: 'nothing',
      CANCELLED: 'nothing',
    });
    expect(kinds(refund)).toEqual({
      ...Object.fromEntries(ORDER_STATUSES.map((status) => [status, 'refused'])),
      PAID: 'move',
      REFUNDING: 'nothing',
      REFUNDED: 'nothing',
    });
  });

  it('a saga is started exactly when its status is entered, and its end is applied once', () => {
    const facts = [NO_MONEY, CAPTURED, { ...NO_MONEY, isFree: true }, { ...NO_MONEY, isDeclined: true }];
    const events = [capture, decline, cancel, refund, ...SAGAS.flatMap((saga) => [succeeded(saga), failed(saga)])];
    for (const status of ORDER_STATUSES) {
      for (const event of events) {
        for (const fact of facts) {
          const decision = decide(status, event, fact);
          if (decision.kind === 'move') expect(decision.saga).toBe(SAGA_OF[decision.to]);
          const isEnd = event.kind === 'saga-succeeded' || event.kind === 'saga-failed';
          if (isEnd) expect(decision.kind).toBe(SAGA_OF[status] === event.saga ? 'move' : 'nothing');
        }
      }
    }
  });
});

const SAGAS: readonly SagaKind[] = ['checkout', 'settle', 'cancel', 'reacquire', 'refund'];

/**
 * An order and the world around it: the money at the provider, the goods, and the saga under way. Sagas take and give the way their branches
 * do; the table alone decides what happens next.
 */
class World {
  status: OrderStatus = 'PENDING';
  /** undefined: no payment was created yet. */
  payment: 'CREATED' | 'CAPTURED' | 'DECLINED' | 'CANCELLED' | 'REFUNDED' | undefined;
  capturedTimes = 0;
  refundedTimes = 0;
  holdsGoods = false;
  deliveries = 0;
  running: SagaKind | undefined = 'checkout';

  constructor(private readonly isFree: boolean) {}

  apply(event: OrderEvent): void {
    const decision = decide(this.status, event, {
      isFree: this.isFree,
      isCaptured: this.payment === 'CAPTURED',
      isDeclined: this.payment === 'DECLINED',
    });
    if (decision.kind !== 'move') return;
    if (decision.to === 'PAID') this.deliveries += 1;
    this.status = decision.to;
    if (decision.saga !== undefined) {
      expect(this.running).toBeUndefined();
      this.running = decision.saga;
    }
  }

  /** The provider captures also what was declined or cancelled before: what it says has happened. */
  capture(): void {
    if (this.isFree || this.payment === undefined || this.capturedTimes > 0) return;
    this.payment = 'CAPTURED';
    this.capturedTimes += 1;
    this.apply(capture);
  }

  decline(): void {
    if (this.payment !== 'CREATED') return;
    this.payment = 'DECLINED';
    this.apply(decline);
  }

  /** A step of the saga in between: the payment exists before the saga has ended. */
  createPayment(): void {
    if (this.running === 'checkout') this.payment ??= 'CREATED';
  }

  endSaga(succeeds: boolean): void {
    const saga = this.running;
    if (saga === undefined) return;
    this.running = undefined;
    this.#effectsOf(saga, succeeds);
    this.apply(succeeds ? succeeded(saga) : failed(saga));
  }

  #effectsOf(saga: SagaKind, succeeds: boolean): void {
    if (saga === 'checkout') {
      if (succeeds) this.payment ??= 'CREATED';
      else if (this.payment === 'CREATED' || this.payment === 'DECLINED') this.payment = 'CANCELLED';
      this.holdsGoods = succeeds;
    }
    if (saga === 'reacquire') this.holdsGoods = succeeds;
    if (saga === 'cancel' && succeeds) {
      this.holdsGoods = false;
      if (this.payment === 'CREATED' || this.payment === 'DECLINED') this.payment = 'CANCELLED';
    }
    if (saga === 'refund' && succeeds) {
      this.holdsGoods = false;
      if (this.payment === 'CAPTURED') {
        this.payment = 'REFUNDED';
        this.refundedTimes += 1;
      }
    }
  }
}

const steps = fc.constantFrom(
  'create',
  'capture',
  'decline',
  'cancel',
  'timeout',
  'refund',
  'ok',
  'ok',
  'fail',
  'again',
);

function run(world: World, step: string): void {
  if (step === 'create') world.createPayment();
  else if (step === 'capture') world.capture();
  else if (step === 'decline') world.decline();
  else if (step === 'cancel' || step === 'timeout') world.apply(cancel);
  else if (step === 'refund') world.apply(refund);
  else if (step === 'ok') world.endSaga(true);
  else if (step === 'fail') world.endSaga(false);
  else for (const saga of SAGAS) if (saga !== world.running) world.apply(succeeded(saga));
}

describe('any sequence of events', () => {
  const numRuns = 3_000;

  it('keeps or returns every payment: captured means paid with the goods, or refunded once', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(steps, { maxLength: 30 }), (isFree, sequence) => {
        const world = new World(isFree);
        for (const step of sequence) run(world, step);
        // What is under way ends; nothing fails for ever.
        for (let i = 0; i < 10 && world.running !== undefined; i += 1) world.endSaga(true);
        expect(world.running).toBeUndefined();
        expect(isTransient(world.status)).toBe(false);
        const kept = world.capturedTimes - world.refundedTimes;
        expect(kept).toBe(world.status === 'PAID' && !isFree ? 1 : 0);
        expect(world.refundedTimes).toBeLessThanOrEqual(world.capturedTimes);
        expect(world.deliveries).toBeLessThanOrEqual(1);
        expect(world.holdsGoods).toBe(['PAID', 'AWAITING_PAYMENT'].includes(world.status));
      }),
      { seed: 20261121, numRuns },
    );
  });

  it('reaches an end from every status when the time to pay is over', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 30 }), (sequence) => {
        const world = new World(false);
        for (const step of sequence) run(world, step);
        for (let i = 0; i < 10 && world.running !== undefined; i += 1) world.endSaga(true);
        world.apply(cancel);
        for (let i = 0; i < 10 && world.running !== undefined; i += 1) world.endSaga(true);
        expect(['PAID', 'CANCELLED', 'REFUNDED', 'FAILED']).toContain(world.status);
      }),
      { seed: 7, numRuns },
    );
  });

  it('has at most one saga under way, and none but in a transient status', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(steps, { maxLength: 30 }), (isFree, sequence) => {
        const world = new World(isFree);
        for (const step of sequence) {
          run(world, step);
          expect(world.running).toBe(SAGA_OF[world.status]);
        }
      }),
      { seed: 11, numRuns },
    );
  });
});
