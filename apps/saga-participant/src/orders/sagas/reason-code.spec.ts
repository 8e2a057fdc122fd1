import { reasonCodeOf } from './reason-code';

describe('reasonCodeOf', () => {
  it.each([
    ['url:http://127.0.0.1:1/dtm/a return failed: {"dtm_result":"FAILURE","code":"SOLD_OUT"} FAILURE', 'SOLD_OUT'],
    [
      'url:http://127.0.0.1:1/dtm/a return failed: {\\"dtm_result\\":\\"FAILURE\\",\\"code\\":\\"EXPIRED\\"}',
      'EXPIRED',
    ],
    ['url:127.0.0.1:1/coupon.v1.InventorySaga/ReserveStock return failed: SOLD_OUT FAILURE', 'SOLD_OUT'],
    ['rpc error: code = Aborted desc = PRICE_CHANGED', 'PRICE_CHANGED'],
    ['Timeout after 3 seconds', 'SAGA_FAILED'],
    ['', 'SAGA_FAILED'],
    ['url:x return failed: Bad things happened', 'SAGA_FAILED'],
  ])('%s: %s', (reason, code) => {
    expect(reasonCodeOf(reason)).toBe(code);
  });
});
