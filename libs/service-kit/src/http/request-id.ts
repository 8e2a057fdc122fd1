import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';

const ACCEPTED = /^[A-Za-z0-9._:-]{1,64}$/;

/** The caller's id if it is harmless in a log and a header, else a new one. */
export function requestIdFrom(given: string | undefined, newId: () => string = randomUUID): string {
  return given !== undefined && ACCEPTED.test(given) ? given : newId();
}

/** Takes or mints the request id (`X-Request-Id`) and answers with it. */
export function assignRequestId(newId?: () => string): RequestHandler {
  return (request, response, next) => {
    const id = requestIdFrom(request.get('x-request-id'), newId);
    response.locals['requestId'] = id;
    response.setHeader('X-Request-Id', id);
    next();
  };
}

export function requestIdOf(response: Response): string {
  const id: unknown = response.locals['requestId'];
  return typeof id === 'string' ? id : '';
}
