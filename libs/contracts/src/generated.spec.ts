import { CreateTemplateRequest, FlashSaleRequest, FlashSaleResponse, TemplateResponse, descriptorSet } from './index';

const fieldNumbers = (bytes: Uint8Array): number[] => {
  // One-byte keys only: enough for these messages, whose fields are all present once.
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length;) {
    let key = 0;
    let shift = 0;
    let byte: number;
    do {
      byte = bytes[at++] ?? 0;
      key |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte & 0x80);
    numbers.push(key >> 3);
    if ((key & 7) === 2) at += 1 + (bytes[at] ?? 0);
    else while ((bytes[at++] ?? 0) & 0x80);
  }
  return numbers;
};

describe('generated contracts', () => {
  it('keep 64-bit numbers as text', () => {
    const request = FlashSaleRequest.fromPartial({ activityId: '9223372036854775807', userId: '1' });
    const decoded = FlashSaleRequest.decode(FlashSaleRequest.encode(request).finish());
    expect(decoded.activityId).toBe('9223372036854775807');
  });

  it('tell an absent optional field from a zero', () => {
    const decode = (partial: { quantity?: number }): FlashSaleRequest =>
      FlashSaleRequest.decode(FlashSaleRequest.encode(FlashSaleRequest.fromPartial(partial)).finish());
    expect(decode({}).quantity).toBeUndefined();
    expect(decode({ quantity: 0 }).quantity).toBe(0);
  });

  it('number the fields of a claim as the contract says', () => {
    const response = FlashSaleResponse.encode({
      success: true,
      message: 'm',
      couponSn: 's',
      remainingCount: '1',
      claimId: 'c',
      couponSns: ['s'],
      replayed: true,
      code: 'OK',
      retryAfterMs: 1,
      requestId: 'r',
    }).finish();
    expect(fieldNumbers(response)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('number templates by the columns of the table, requests one lower because they have no id', () => {
    const column = {
      name: 'n',
      type: 1,
      discountType: 1,
      discountValue: '1',
      minAmount: '1',
      totalCount: 1,
      perUserLimit: 1,
    };
    const request = CreateTemplateRequest.fromPartial({
      ...column,
      validStartTime: 'a',
      validEndTime: 'b',
      maxDiscount: '1',
    });
    expect(fieldNumbers(CreateTemplateRequest.encode(request).finish())).toEqual([1, 2, 3, 4, 5, 6, 8, 9, 10, 16]);
    const response = TemplateResponse.fromPartial({ id: '1', ...column, usedCount: 1, status: 1, version: 1 });
    expect(fieldNumbers(TemplateResponse.encode(response).finish())).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 25]);
  });

  it('carry a descriptor set with every service', () => {
    const text = Buffer.from(descriptorSet()).toString('latin1');
    for (const service of ['CouponAdmin', 'Seckill', 'CouponSaga', 'OrderSaga', 'PaymentSaga', 'InventorySaga']) {
      expect(text).toContain(service);
    }
  });
});
