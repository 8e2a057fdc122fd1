import { DtmClient } from './dtm-client';
import { InvalidSagaError } from './errors';
import type { Saga, SagaOptions } from './saga';

const step = { action: 'http://shop/a', compensate: 'http://shop/c', payload: {} };
const withOptions = (options: SagaOptions): Saga<unknown> => ({ gid: 'a', steps: [step], options });
const circle: Record<string, unknown> = {};
circle['self'] = circle;

// Nothing listens there: a saga that is let through ends with another error.
const http = DtmClient.overHttp({ url: 'http://127.0.0.1:9', timeoutMs: 200 });
const grpc = DtmClient.overGrpc({ url: 'http://127.0.0.1:9', grpcAddress: '127.0.0.1:9', timeoutMs: 200 });

describe('a saga', () => {
  afterAll(() => [http, grpc].forEach((client) => client.close()));

  it.each<[string, string, Saga<unknown>]>([
    ['an empty gid', 'gid', { gid: '', steps: [step] }],
    ['a gid with characters that DTM drops', 'gid', { gid: 'a;b', steps: [step] }],
    ['a gid of 129 characters', 'gid', { gid: 'a'.repeat(129), steps: [step] }],
    ['no steps', 'steps', { gid: 'a', steps: [] }],
    ['a hundred steps', 'steps', { gid: 'a', steps: Array.from({ length: 100 }, () => step) }],
    ['an action without a scheme', 'steps[0].action', { gid: 'a', steps: [{ ...step, action: 'shop/a' }] }],
    [
      'an address of another protocol',
      'steps[0].compensate',
      { gid: 'a', steps: [{ ...step, compensate: 'ftp://x/' }] },
    ],
    [
      'an address of 1025 characters',
      'steps[0].action',
      { gid: 'a', steps: [{ ...step, action: `http://x/${'a'.repeat(1016)}` }] },
    ],
    ['no payload', 'steps[0].payload', { gid: 'a', steps: [{ ...step, payload: undefined }] }],
    ['a payload that is no JSON', 'steps[0].payload', { gid: 'a', steps: [{ ...step, payload: circle }] }],
    ['a payload over 64 KiB', 'steps[0].payload', { gid: 'a', steps: [{ ...step, payload: 'ü'.repeat(32_767) }] }],
    ['a retry interval that lets passes overlap', 'options.retryIntervalS', withOptions({ retryIntervalS: 6 })],
    ['half a second', 'options.timeoutToFailS', withOptions({ timeoutToFailS: 0.5 })],
    ['no time at all', 'options.requestTimeoutS', withOptions({ requestTimeoutS: 0 })],
    ['a header with a line break', 'options.branchHeaders.x', withOptions({ branchHeaders: { x: 'a\r\nb: c' } })],
    ['headers that do not fit', 'options.branchHeaders', withOptions({ branchHeaders: { x: 'a'.repeat(900) } })],
    ['custom data that does not fit', 'options.customData', withOptions({ customData: { x: 'a'.repeat(1100) } })],
    ['custom data that DTM reads', 'options.customData.orders', withOptions({ customData: { orders: {} } })],
    ['a step before itself', 'options.concurrent.orders[0]', withOptions({ concurrent: { orders: { 0: [0] } } })],
    ['a step that is not there', 'options.concurrent.orders[1]', withOptions({ concurrent: { orders: { 1: [0] } } })],
    [
      'a timeout without a way back',
      'options.timeoutToFailS',
      { gid: 'a', steps: [{ action: step.action, payload: 1 }], options: { timeoutToFailS: 60 } },
    ],
    [
      'concurrent steps without a way back',
      'options.concurrent',
      { gid: 'a', steps: [{ action: step.action, payload: 1 }], options: { concurrent: {} } },
    ],
  ])('with %s is refused before anything is sent, with the name of the field', async (_what, field, saga) => {
    await expect(http.submit(saga)).rejects.toBeInstanceOf(InvalidSagaError);
    await expect(http.submit(saga)).rejects.toMatchObject({ code: 'INVALID_SAGA', field });
  });

  it('of gRPC branches has addresses of host, port, service and method', async () => {
    const at = (action: string): Saga<Uint8Array> => ({ gid: 'a', steps: [{ action, payload: new Uint8Array() }] });
    for (const bad of ['shop:9057', 'grpc://shop:9057/a.B/C', 'shop/a.B/C', 'shop:9057/a.B/C/D']) {
      await expect(grpc.submit(at(bad))).rejects.toMatchObject({ field: 'steps[0].action' });
    }
    await expect(grpc.submit(at('shop:9057/coupon.v1.CouponSaga/LockUserCoupon'))).rejects.toMatchObject({
      code: 'DTM_UNAVAILABLE',
    });
  });

  it('with everything in order is sent', async () => {
    const options = { retryIntervalS: 7, timeoutToFailS: 60, concurrent: {}, branchHeaders: { 'x-shop': 'a' } };
    await expect(http.submit(withOptions(options))).rejects.toMatchObject({ code: 'DTM_UNAVAILABLE' });
  });
});
