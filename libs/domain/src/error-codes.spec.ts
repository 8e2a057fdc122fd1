import { AppError, InvalidArgumentError } from './app-error';
import { BUSINESS_REFUSALS, ERROR_CODES, isErrorCode } from './error-codes';

describe('error codes', () => {
  test('every business refusal is a 409 and FAILED_PRECONDITION', () => {
    for (const code of BUSINESS_REFUSALS) expect(ERROR_CODES[code]).toEqual({ http: 409, grpc: 9 });
  });

  test('a name of the object prototype is no code', () => {
    expect(isErrorCode('SOLD_OUT')).toBe(true);
    expect(isErrorCode('toString')).toBe(false);
  });

  test('an invalid argument names its first field in the message and all of them in the details', () => {
    const violations = [
      { field: 'a', message: 'is required' },
      { field: 'b', message: 'is too large' },
    ];
    const error = new InvalidArgumentError(violations);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'a: is required',
      details: { field: 'a', violations },
    });
  });
});
