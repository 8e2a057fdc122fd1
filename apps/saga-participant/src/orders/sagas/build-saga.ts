import {
  CancelPaymentRequest,
  CommitStockRequest,
  CreatePaymentRequest,
  LockCouponRequest,
  OrderDiscountRequest,
  RefundPaymentRequest,
  ReleaseStockRequest,
  ReserveStockRequest,
  RevertCouponRequest,
  UnlockCouponRequest,
  UseCouponRequest,
} from '@coupon/contracts';
import { formatMoney } from '@coupon/domain';
import type { SagaStep } from '@coupon/saga';
import { BRANCHES } from '../../branches/catalogue';
import type { BranchEntry } from '../../branches/catalogue';
import { actionAddress, compensationAddress } from '../../branches/branch';
import type { BranchAddress, BranchTarget } from '../../branches/branch';
import type { SagaInput, SagaRun } from './saga-run';

const { coupons, orders, payments, inventory } = BRANCHES;

/** A step whose payload still has both of its forms. */
interface PlannedStep {
  readonly action: BranchTarget;
  readonly compensation?: BranchTarget;
  readonly bytes: () => Uint8Array;
  readonly json: () => unknown;
}

/** The steps of a saga as DTM takes them: payloads are bytes over gRPC, JSON values over HTTP. */
export function buildSteps(run: Pick<SagaRun, 'gid' | 'kind' | 'input'>, at: BranchAddress): SagaStep<unknown>[] {
  return plan(run).map(({ action, compensation, bytes, json }) => ({
    action: actionAddress(at, action),
    ...(compensation === undefined ? {} : { compensate: compensationAddress(at, compensation) }),
    payload: at.transport === 'grpc' ? bytes() : json(),
  }));
}

function plan({ gid, kind, input }: Pick<SagaRun, 'gid' | 'kind' | 'input'>): PlannedStep[] {
  switch (kind) {
    case 'checkout':
      return [...lock(input), discount(input), createPayment(input), reserve(input)];
    case 'settle':
      // What cannot be refused comes last: the money is here.
      return [...use(input), commit(input)];
    case 'cancel':
      return [...unlock(input), cancelPayment(input), release(input)];
    case 'reacquire':
      return [...lock(input), reserve(input), ...use(input), commit(input)];
    case 'refund':
      // The coupons were used by this order or are still locked by it; each of the two leaves alone what is not its business.
      return [...revert(input), ...unlock(input), release(input), refund(gid, input)];
  }
}

function step<Request>(action: BranchEntry<Request>, request: Request, compensation?: BranchTarget): PlannedStep {
  return {
    action,
    ...(compensation === undefined ? {} : { compensation }),
    bytes: () => action.rpc.requestSerialize(request),
    json: () => action.json.toJSON(request),
  };
}

/** An order without coupons has no steps for them. */
function withCoupons(input: SagaInput, make: (userCouponIds: string[]) => PlannedStep): PlannedStep[] {
  return input.coupons.length === 0 ? [] : [make(input.coupons.map(({ id }) => id))];
}

function lock(input: SagaInput): PlannedStep[] {
  const { userId, orderSn } = input;
  return withCoupons(input, (userCouponIds) =>
    step(coupons.lock, LockCouponRequest.fromPartial({ userId, orderSn, userCouponIds }), coupons.unlock),
  );
}

function unlock(input: SagaInput): PlannedStep[] {
  const { userId, orderSn } = input;
  return withCoupons(input, (userCouponIds) =>
    step(coupons.unlock, UnlockCouponRequest.fromPartial({ userId, orderSn, userCouponIds })),
  );
}

function use(input: SagaInput): PlannedStep[] {
  const { userId, orderSn, originalMinor, finalMinor } = input;
  const couponShares = input.coupons.map(({ id, discountMinor }) => ({ userCouponId: id, discountMinor }));
  return withCoupons(input, (userCouponIds) =>
    step(
      coupons.use,
      UseCouponRequest.fromPartial({ userId, orderSn, userCouponIds, originalMinor, finalMinor, couponShares }),
      coupons.revert,
    ),
  );
}

function revert(input: SagaInput): PlannedStep[] {
  const { userId, orderSn } = input;
  return withCoupons(input, (userCouponIds) =>
    step(coupons.revert, RevertCouponRequest.fromPartial({ userId, orderSn, userCouponIds })),
  );
}

function discount({
  orderSn,
  userId,
  items,
  shippingFeeMinor,
  discountMinor,
  finalMinor,
  ...input
}: SagaInput): PlannedStep {
  return step(
    orders.discount,
    OrderDiscountRequest.fromPartial({
      orderSn,
      userId,
      userCouponIds: input.coupons.map(({ id }) => id),
      orderItems: items.map(({ productId, categoryId, quantity, priceMinor }) => ({
        goodsId: productId,
        categoryId: categoryId ?? '0',
        quantity,
        // The double nearest to it; the integer is what counts.
        price: Number(formatMoney(BigInt(priceMinor))),
        priceMinor,
      })),
      shippingFeeMinor,
      discountMinor,
      finalMinor,
    }),
    orders.revertDiscount,
  );
}

function createPayment({
  orderSn,
  userId,
  paymentSn,
  originalMinor,
  discountMinor,
  finalMinor,
}: SagaInput): PlannedStep {
  const request = { orderSn, userId, paymentSn, originalMinor, discountMinor, finalMinor };
  return step(payments.create, CreatePaymentRequest.fromPartial(request), payments.cancel);
}

function cancelPayment({ orderSn, paymentSn }: SagaInput): PlannedStep {
  return step(payments.cancel, CancelPaymentRequest.fromPartial({ orderSn, paymentSn }));
}

function refund(gid: string, { orderSn, paymentSn, refundSn = gid, reason = '' }: SagaInput): PlannedStep {
  return step(payments.refund, RefundPaymentRequest.fromPartial({ orderSn, paymentSn, refundSn, reason }));
}

function reserve({ orderSn, items }: SagaInput): PlannedStep {
  return step(
    inventory.reserve,
    ReserveStockRequest.fromPartial({ orderSn, items: stockOf(items) }),
    inventory.release,
  );
}

function release({ orderSn }: SagaInput): PlannedStep {
  return step(inventory.release, ReleaseStockRequest.fromPartial({ orderSn }));
}

function commit({ orderSn }: SagaInput): PlannedStep {
  return step(inventory.commit, CommitStockRequest.fromPartial({ orderSn }));
}

/** One entry per product, however many lines it is on. */
function stockOf(items: SagaInput['items']): { productId: string; quantity: number }[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of items) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}
