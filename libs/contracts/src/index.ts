export { descriptorSet } from './descriptors';

export {
  CalculateDiscountRequest,
  CouponAdminClient,
  CouponAdminService,
  CreateTemplateRequest,
  DiscountResponse,
  GetTemplateRequest,
  GetUserCouponsRequest,
  GetUserCouponsResponse,
  ListTemplateRequest,
  ListTemplateResponse,
  OrderCouponsRequest,
  OrderCouponsResponse,
  PrewarmFlashSaleRequest,
  StartFlashSaleRequest,
  TemplateResponse,
  UpdateTemplateRequest,
  UserCoupon,
} from './generated/coupon/v1/coupon_admin';
export type { CouponAdminServer } from './generated/coupon/v1/coupon_admin';
export {
  FlashSaleRequest,
  FlashSaleResponse,
  FlashSaleStatusRequest,
  FlashSaleStatusResponse,
  SeckillClient,
  SeckillService,
} from './generated/coupon/v1/seckill';
export type { SeckillServer } from './generated/coupon/v1/seckill';
export { CouponDiscount, CouponRefusal, OrderItem } from './generated/coupon/v1/order';
export {
  CancelPaymentRequest,
  CommitStockRequest,
  CouponShare,
  CouponSagaClient,
  CouponSagaService,
  CreatePaymentRequest,
  CreatePaymentResponse,
  InventorySagaClient,
  InventorySagaService,
  LockCouponRequest,
  OrderDiscountRequest,
  OrderDiscountResponse,
  OrderSagaClient,
  OrderSagaService,
  PaymentSagaClient,
  PaymentSagaService,
  RefundPaymentRequest,
  ReleaseStockRequest,
  ReserveStockRequest,
  RevertCouponRequest,
  RevertOrderDiscountRequest,
  StockItem,
  UnlockCouponRequest,
  UseCouponRequest,
  UseCouponResponse,
} from './generated/coupon/v1/saga';
export type {
  CouponSagaServer,
  InventorySagaServer,
  OrderSagaServer,
  PaymentSagaServer,
} from './generated/coupon/v1/saga';

export { DtmClient, DtmRequest } from './generated/dtm/dtmgimp';

export { FLASH_SALE_FAILED, FLASH_SALE_RELEASED, FLASH_SALE_SUCCEEDED } from './events/claim-events';
export type {
  ClaimEvent,
  ClaimEventType,
  ClaimEventUnit,
  FlashSaleFailedBody,
  FlashSaleReleasedBody,
  FlashSaleSucceededBody,
} from './events/claim-events';
export { claimEventSchemas } from './events/claim-event-schemas';
export { COUPON_LOCKED, COUPON_REVERTED, COUPON_UNLOCKED, COUPON_USED } from './events/coupon-events';
export type {
  CouponEvent,
  CouponEventCoupon,
  CouponLockedBody,
  CouponRevertedBody,
  CouponUnlockedBody,
  CouponUsedBody,
  UsedCoupon,
} from './events/coupon-events';
export { couponEventSchemas } from './events/coupon-event-schemas';
export { parseEvent } from './events/parse-event';
export type { InvalidEventCode, ParsedEvent } from './events/parse-event';
export { STOCK_RESERVED } from './events/stock-events';
export type { StockReservedBody } from './events/stock-events';
export { stockEventSchemas } from './events/stock-event-schemas';
export {
  ORDER_CANCELLED,
  ORDER_CREATED,
  ORDER_PAID,
  ORDER_PAYMENT_TIMEOUT,
  ORDER_REFUNDED,
} from './events/order-events';
export type { OrderEventBody, OrderEventType } from './events/order-events';
export { orderEventSchema } from './events/order-event-schema';
export { parseOrderEvent } from './events/parse-order-event';
export type { ParsedOrderEvent } from './events/parse-order-event';
export {
  BINLOG_EXCHANGE,
  BINLOG_L2_QUEUE,
  CACHE_EXCHANGE,
  HEARTBEAT_TABLE,
  parseCanalMessage,
} from './events/canal-message';
export type { CanalMessage, CanalRow, ParsedCanalMessage } from './events/canal-message';
