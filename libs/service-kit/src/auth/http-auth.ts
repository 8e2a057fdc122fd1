import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '@coupon/domain';
import type { Authenticator } from './authenticator';
import { requireRole } from './identity';
import type { Identity, Role } from './identity';

/** Express middleware: who is calling, and optionally at least `role`; read it with `identityOf(response)`. */
export function authenticateHttp(authenticator: Authenticator, role: Role = 'user'): RequestHandler {
  return async (request, response, next) => {
    const identity = await authenticator.authenticate(credentialsOf(request));
    requireRole(identity, role);
    response.locals['identity'] = identity;
    next();
  };
}

/** @throws Error when the route has no `authenticateHttp` before it: a mistake in the wiring, answered with 500. */
export function identityOf(response: Response): Identity {
  const identity = response.locals['identity'] as Identity | undefined;
  if (identity === undefined) throw new AppError('INTERNAL', 'route without authentication');
  return identity;
}

function credentialsOf(request: Request): Parameters<Authenticator['authenticate']>[0] {
  return {
    authorization: request.headers.authorization,
    peerAddress: request.socket.remoteAddress,
    header: (name) => request.get(name),
  };
}
