import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { UntypedHandleCall } from '@grpc/grpc-js';
import {
  CouponSagaService,
  CreatePaymentRequest,
  CreatePaymentResponse,
  InventorySagaService,
  LockCouponRequest,
  OrderDiscountRequest,
  OrderDiscountResponse,
  OrderSagaService,
  PaymentSagaService,
  ReserveStockRequest,
} from '@coupon/contracts';
import { classifyMysqlError, createMysqlClient } from '@coupon/persistence';
import type { RawStatements } from '@coupon/persistence';
import { BranchRunner, DtmClient, SUCCESS, grpcBranch } from '@coupon/saga';
import type { SagaStep } from '@coupon/saga';

/**
 * The floor: the four steps of a checkout whose branches do nothing but pass the barrier, each in a transaction of the database in which the
 * real one works, submitted to the same DTM by the same client with the same options. No order, no price, no coupon, no stock, no event.
 * Argument: what `FloorSettings` says, as JSON.
 */
interface FloorSettings {
  readonly couponMysqlUrl: string;
  readonly shopMysqlUrl: string;
  readonly poolSize: number;
  readonly dtmUrl: string;
  readonly dtmGrpcAddress: string;
  readonly branchHost: string;
  readonly listenHost: string;
  /** With each call of a branch, as from saga-participant's sagas. */
  readonly branchHeaders: Readonly<Record<string, string>>;
}

const settings = JSON.parse(process.argv[2] ?? '{}') as FloorSettings;
const TRANSACTION = { maxWait: 10_000, timeout: 20_000 } as const;

function runnerOn(url: string): BranchRunner<RawStatements> {
  const client = createMysqlClient(url, { poolSize: settings.poolSize, poolIdle: Math.min(10, settings.poolSize) });
  return new BranchRunner({
    transaction: (work) => client.$transaction(work, TRANSACTION),
    isRetryable: (error) => classifyMysqlError(error).kind === 'retryable',
  });
}

type Runner = ReturnType<typeof runnerOn>;

/** One RPC per operation: DTM names the operation in the metadata. */
function branchOf(runner: Runner, reply: () => object = () => ({})): UntypedHandleCall {
  return grpcBranch<unknown, object>({
    op: 'action',
    handle: (branch) => runner.action(branch, () => Promise.resolve(SUCCESS)),
    reply,
    onFault: (error) => process.stderr.write(`floor: ${String(error)}\n`),
  });
}

function undoOf(runner: Runner): UntypedHandleCall {
  return grpcBranch<unknown, object>({
    op: 'compensate',
    handle: (branch) => runner.compensation(branch, () => Promise.resolve(SUCCESS)),
    reply: () => ({}),
    onFault: (error) => process.stderr.write(`floor: ${String(error)}\n`),
  });
}

const coupon = runnerOn(settings.couponMysqlUrl);
const shop = runnerOn(settings.shopMysqlUrl);
const refuse: UntypedHandleCall = (_call: unknown, done: (error: { code: number }) => void) => done({ code: 12 });
const grpc = new Server();
grpc.addService(CouponSagaService, {
  lockUserCoupon: branchOf(coupon),
  unlockUserCoupon: undoOf(coupon),
  useLockedCoupon: refuse,
  revertUsedCoupon: refuse,
});
grpc.addService(OrderSagaService, {
  calculateOrderDiscount: branchOf(shop, () => OrderDiscountResponse.fromPartial({})),
  revertOrderDiscount: undoOf(shop),
});
grpc.addService(PaymentSagaService, {
  createPaymentWithDiscount: branchOf(shop, () => CreatePaymentResponse.fromPartial({})),
  cancelPaymentOrder: undoOf(shop),
  refundPayment: refuse,
});
grpc.addService(InventorySagaService, {
  reserveStock: branchOf(shop),
  releaseStock: undoOf(shop),
  commitStock: refuse,
});

const options = { waitResult: true, branchHeaders: settings.branchHeaders } as const;
const dtm = DtmClient.overGrpc({ url: settings.dtmUrl, grpcAddress: settings.dtmGrpcAddress });
let branches = '';

function stepsOf(orderSn: string, userId: string): SagaStep<Uint8Array>[] {
  const at = (method: { readonly path: string }): string => `${branches}${method.path}`;
  const items = [{ productId: '1', quantity: 1 }];
  return [
    {
      action: at(CouponSagaService.lockUserCoupon),
      compensate: at(CouponSagaService.unlockUserCoupon),
      payload: LockCouponRequest.encode(
        LockCouponRequest.fromPartial({ userId, orderSn, userCouponIds: [userId] }),
      ).finish(),
    },
    {
      action: at(OrderSagaService.calculateOrderDiscount),
      compensate: at(OrderSagaService.revertOrderDiscount),
      payload: OrderDiscountRequest.encode(
        OrderDiscountRequest.fromPartial({
          orderSn,
          userId,
          userCouponIds: [userId],
          orderItems: [{ goodsId: '1', categoryId: '1', quantity: 1, price: 120, priceMinor: '12000' }],
          shippingFeeMinor: '600',
          discountMinor: '2000',
          finalMinor: '10600',
        }),
      ).finish(),
    },
    {
      action: at(PaymentSagaService.createPaymentWithDiscount),
      compensate: at(PaymentSagaService.cancelPaymentOrder),
      payload: CreatePaymentRequest.encode(
        CreatePaymentRequest.fromPartial({
          orderSn,
          userId,
          paymentSn: `p${orderSn}`,
          originalMinor: '12600',
          finalMinor: '10600',
        }),
      ).finish(),
    },
    {
      action: at(InventorySagaService.reserveStock),
      compensate: at(InventorySagaService.releaseStock),
      payload: ReserveStockRequest.encode(ReserveStockRequest.fromPartial({ orderSn, items })).finish(),
    },
  ];
}

async function checkOut(body: string): Promise<string> {
  const { order_sn: orderSn, user_id: userId } = JSON.parse(body) as { order_sn: string; user_id: string };
  const saga = { gid: `checkout-${orderSn}`, steps: stepsOf(orderSn, userId), options };
  const { kind } = await dtm.submit(saga, { isNew: true });
  return JSON.stringify({ status: kind === 'succeeded' ? 'AWAITING_PAYMENT' : kind });
}

function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(String(Buffer.concat(chunks))));
    request.on('error', reject);
  });
}

const http = createServer((request, response) => {
  void readBody(request)
    .then(checkOut)
    .then(
      (answer) => response.writeHead(200, { 'content-type': 'application/json' }).end(answer),
      (error: unknown) => response.writeHead(500).end(JSON.stringify({ code: String(error) })),
    );
});

grpc.bindAsync(`${settings.listenHost}:0`, ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  branches = `${settings.branchHost}:${port}`;
  http.listen(0, '127.0.0.1', () => process.send?.({ ready: true, port: (http.address() as AddressInfo).port }));
});
process.on('disconnect', () => process.exit(0));
