import {
  CancelPaymentRequest,
  CommitStockRequest,
  CouponSagaService,
  CreatePaymentRequest,
  InventorySagaService,
  LockCouponRequest,
  OrderDiscountRequest,
  OrderSagaService,
  PaymentSagaService,
  RefundPaymentRequest,
  ReleaseStockRequest,
  ReserveStockRequest,
  RevertCouponRequest,
  RevertOrderDiscountRequest,
  UnlockCouponRequest,
  UseCouponRequest,
} from '@coupon/contracts';
import type { Branch } from './branch';

/** What sagas know of a branch: its RPC, its JSON form and its path below `/dtm`. Whoever serves it adds what it does. */
export type BranchEntry<Request> = Pick<Branch<Request>, 'rpc' | 'json' | 'path'>;

// An entry per RPC of the saga services. A compensation is called with the request of its action: the two messages agree in what they share.

const coupons = {
  lock: { rpc: CouponSagaService.lockUserCoupon, json: LockCouponRequest, path: '/coupons/lock' },
  unlock: { rpc: CouponSagaService.unlockUserCoupon, json: UnlockCouponRequest, path: '/coupons/unlock' },
  use: { rpc: CouponSagaService.useLockedCoupon, json: UseCouponRequest, path: '/coupons/use' },
  revert: { rpc: CouponSagaService.revertUsedCoupon, json: RevertCouponRequest, path: '/coupons/revert' },
} as const;

const orders = {
  discount: { rpc: OrderSagaService.calculateOrderDiscount, json: OrderDiscountRequest, path: '/orders/discount' },
  revertDiscount: {
    rpc: OrderSagaService.revertOrderDiscount,
    json: RevertOrderDiscountRequest,
    path: '/orders/revert-discount',
  },
} as const;

const payments = {
  create: { rpc: PaymentSagaService.createPaymentWithDiscount, json: CreatePaymentRequest, path: '/payments/create' },
  cancel: { rpc: PaymentSagaService.cancelPaymentOrder, json: CancelPaymentRequest, path: '/payments/cancel' },
  refund: { rpc: PaymentSagaService.refundPayment, json: RefundPaymentRequest, path: '/payments/refund' },
} as const;

const inventory = {
  reserve: { rpc: InventorySagaService.reserveStock, json: ReserveStockRequest, path: '/inventory/reserve' },
  release: { rpc: InventorySagaService.releaseStock, json: ReleaseStockRequest, path: '/inventory/release' },
  commit: { rpc: InventorySagaService.commitStock, json: CommitStockRequest, path: '/inventory/commit' },
} as const;

/** Every branch that the sagas of an order are made of. */
export const BRANCHES = { coupons, orders, payments, inventory } as const;
