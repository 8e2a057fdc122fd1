import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServerDuplexStream, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { SeckillService } from '@coupon/contracts';
import type { FlashSaleRequest, FlashSaleResponse } from '@coupon/contracts';

/** The floor for gRPC: the same service on bare grpc-js, always the same answer, nothing asked, checked or remembered. */
const ANSWER: FlashSaleResponse = {
  success: true,
  message: 'the coupon is yours',
  couponSn: '01K0000000ABCDEFGHJKMNPQRS001',
  remainingCount: '1000000',
  claimId: '01K0000000ABCDEFGHJKMNPQRS',
  couponSns: ['01K0000000ABCDEFGHJKMNPQRS001'],
  replayed: false,
  code: 'OK',
  retryAfterMs: 0,
  requestId: '',
};

const server = new Server();
server.addService(SeckillService, {
  flashSaleCoupon: (
    _call: ServerUnaryCall<FlashSaleRequest, FlashSaleResponse>,
    done: sendUnaryData<FlashSaleResponse>,
  ) => done(null, ANSWER),
  flashSaleCouponStream: (call: ServerDuplexStream<FlashSaleRequest, FlashSaleResponse>) => {
    call.on('data', (request: FlashSaleRequest) => call.write({ ...ANSWER, requestId: request.requestId ?? '' }));
    call.on('end', () => call.end());
  },
  getFlashSaleStatus: (_call: unknown, done: sendUnaryData<unknown>) => done({ code: 12 }),
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.send?.({ ready: true, port });
});
process.on('disconnect', () => process.exit(0));
