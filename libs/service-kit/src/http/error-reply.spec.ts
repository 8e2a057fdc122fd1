import { AppError, InvalidArgumentError } from '@coupon/domain';
import { errorBodyText, toErrorReply } from './error-reply';

describe('toErrorReply', () => {
  it('gives code, message and details of an AppError with the status of its code', () => {
    const reply = toErrorReply(new AppError('SOLD_OUT', 'nothing left', { details: { available: 1 } }));
    expect(reply).toEqual({
      status: 409,
      headers: {},
      body: { success: false, code: 'SOLD_OUT', message: 'nothing left', details: { available: 1 } },
      unexpected: false,
    });
  });

  it('names the field of an invalid argument', () => {
    const { status, body } = toErrorReply(InvalidArgumentError.of('user_id', 'is required'));
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'INVALID_ARGUMENT', details: { field: 'user_id' } });
  });

  it.each([
    ['RATE_LIMITED', { retry_after_ms: 1_500 }, '2'],
    ['RATE_LIMITED', {}, '1'],
    ['OVERLOADED', { retry_after_ms: 0 }, '1'],
    ['NOT_READY', undefined, '1'],
  ] as const)('tells when to retry after %s %j', (code, details, expected) => {
    const { headers } = toErrorReply(new AppError(code, 'x', details ? { details } : {}));
    expect(headers).toEqual({ 'Retry-After': expected });
  });

  it.each([new TypeError('secret detail'), 'a string', undefined, { code: 'SOLD_OUT' }])(
    'tells nothing about %p',
    (thrown) => {
      expect(toErrorReply(thrown)).toEqual({
        status: 500,
        headers: {},
        body: { success: false, code: 'INTERNAL', message: 'internal error' },
        unexpected: true,
      });
    },
  );

  it('writes bigints in details as text', () => {
    const { body } = toErrorReply(new AppError('CONFLICT', 'x', { details: { total: 7n } }));
    expect(JSON.parse(errorBodyText(body))).toMatchObject({ details: { total: '7' } });
  });
});
