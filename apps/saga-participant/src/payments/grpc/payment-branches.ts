import type { CancelPaymentRequest, CreatePaymentRequest, RefundPaymentRequest } from '@coupon/contracts';
import { SUCCESS, refused } from '@coupon/saga';
import type { ActionOutcome } from '@coupon/saga';
import type { ShopDatabase, ShopTransaction } from '../../adapters/databases';
import type { Branch } from '../../branches/branch';
import { BRANCHES } from '../../branches/catalogue';
import type { Payment } from '../payment';
import type { PaymentProvider } from '../ports';
import { cancelPayment } from '../use-cases/cancel-payment.use-case';
import { createPayment } from '../use-cases/create-payment.use-case';
import { refundPayment } from '../use-cases/refund-payment.use-case';

export interface PaymentBranches {
  readonly create: Branch<CreatePaymentRequest>;
  readonly cancel: Branch<CancelPaymentRequest>;
  readonly refund: Branch<RefundPaymentRequest>;
}

/** The payment's part in sagas: each in one transaction with its barrier. Requests are checked inside, so that a wrong one is a refusal. */
export function paymentBranches(shop: Pick<ShopDatabase, 'branches'>, provider: PaymentProvider): PaymentBranches {
  const { branches } = shop;
  return {
    create: {
      ...BRANCHES.payments.create,
      action: (branch, request) => branches.action(branch, async (tx) => opened(await create(tx, request))),
    },
    cancel: {
      ...BRANCHES.payments.cancel,
      action: (branch, request) => branches.action(branch, async (tx) => done(await cancel(tx, request))),
      compensation: (branch, request) => branches.compensation(branch, async (tx) => done(await cancel(tx, request))),
    },
    refund: {
      ...BRANCHES.payments.refund,
      action: (branch, request) => branches.action(branch, async (tx) => done(await refund(tx, provider, request))),
    },
  };
}

export function create(tx: ShopTransaction, request: CreatePaymentRequest): Promise<Payment> {
  return createPayment(tx, {
    order_sn: request.orderSn,
    user_id: request.userId,
    payment_sn: request.paymentSn,
    original_minor: request.originalMinor,
    discount_minor: request.discountMinor,
    final_minor: request.finalMinor,
  });
}

export function cancel(tx: ShopTransaction, request: CancelPaymentRequest): Promise<void> {
  return cancelPayment(tx, { order_sn: request.orderSn });
}

export function refund(tx: ShopTransaction, provider: PaymentProvider, request: RefundPaymentRequest): Promise<void> {
  return refundPayment(tx, provider, {
    order_sn: request.orderSn,
    payment_sn: request.paymentSn,
    refund_sn: request.refundSn,
    reason: request.reason,
  });
}

/** A saga goes on only with a payment that can still be made, or has been. */
function opened({ status }: Payment): ActionOutcome {
  return status === 'CREATED' || status === 'CAPTURED' || status === 'NOT_REQUIRED' ? SUCCESS : refused('CONFLICT');
}

function done(_result: void): typeof SUCCESS {
  return SUCCESS;
}
