import { Metadata, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { AppError, ERROR_CODES } from '@coupon/domain';
import type { ErrorCode } from '@coupon/domain';
import { fromGrpcError, toGrpcError } from './grpc-errors';

const asServiceError = (code: number, details = '', metadata = new Metadata()): ServiceError =>
  Object.assign(new Error(details), { code, details, metadata });

describe('gRPC errors', () => {
  it.each(Object.keys(ERROR_CODES) as ErrorCode[])('%s goes over the wire and comes back with its details', (code) => {
    const sent = toGrpcError(new AppError(code, 'why', { details: { available: 3 } }));
    expect(sent.code).toBe(ERROR_CODES[code].grpc);
    const received = fromGrpcError(asServiceError(sent.code, sent.details, sent.metadata));
    expect(received).toMatchObject({ code, message: 'why', details: { available: 3 } });
  });

  it('hides what nobody foresaw', () => {
    expect(toGrpcError(new Error('secret'))).toMatchObject({
      code: status.INTERNAL,
      details: 'internal error',
      unexpected: true,
    });
  });

  it.each([
    [status.DEADLINE_EXCEEDED, 'OUTCOME_UNKNOWN'],
    [status.CANCELLED, 'OUTCOME_UNKNOWN'],
    [status.RESOURCE_EXHAUSTED, 'RATE_LIMITED'],
    [status.NOT_FOUND, 'NOT_FOUND'],
    [status.UNIMPLEMENTED, 'INTERNAL'],
  ])('reads the bare status %d of a foreign server as %s', (code, expected) => {
    expect(fromGrpcError(asServiceError(code)).code).toBe(expected);
  });

  it('reads UNAVAILABLE as "nothing happened" only when no connection came about', () => {
    const refused = 'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1';
    expect(fromGrpcError(asServiceError(status.UNAVAILABLE, refused)).code).toBe('NOT_READY');
    expect(fromGrpcError(asServiceError(status.UNAVAILABLE, 'Connection dropped')).code).toBe('OUTCOME_UNKNOWN');
  });

  it('lives with details that are not ours', () => {
    const metadata = new Metadata();
    metadata.set('x-error-details-bin', Buffer.from('{broken'));
    metadata.set('x-error-code', 'NO_SUCH_CODE');
    expect(fromGrpcError(asServiceError(status.NOT_FOUND, 'x', metadata))).toMatchObject({
      code: 'NOT_FOUND',
      details: undefined,
    });
  });
});
