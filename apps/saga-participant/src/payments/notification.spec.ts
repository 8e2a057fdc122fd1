import { effectOf } from './notification';
import { PAYMENT_STATUSES } from './payment';

describe('effectOf', () => {
  it.each([
    ['CREATED', 'capture', 'decline'],
    ['DECLINED', 'capture', 'record'],
    ['CANCELLED', 'capture', 'record'],
    ['CAPTURED', 'refund-duplicate', 'record'],
    ['REFUNDED', 'refund-duplicate', 'record'],
    ['NOT_REQUIRED', 'refuse', 'record'],
  ] as const)('takes success and failure of a payment that is %s for %s and %s', (status, succeeded, failed) => {
    expect(effectOf(status, 'succeeded')).toBe(succeeded);
    expect(effectOf(status, 'failed')).toBe(failed);
  });

  it('never lets money that has come pass unnoticed', () => {
    for (const status of PAYMENT_STATUSES) expect(effectOf(status, 'succeeded')).not.toBe('record');
  });
});
