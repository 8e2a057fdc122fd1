import type { Express, RequestHandler } from 'express';
import { AppError } from '@coupon/domain';

export type HttpMethod = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** One route; the handlers run in order, a rejected promise is an error answer. */
export interface Route {
  readonly method: HttpMethod;
  /** Express 5 path (`/api/v1/flash-sales/:id/start`). */
  readonly path: string;
  readonly handlers: readonly RequestHandler[];
}

export function route(method: HttpMethod, path: string, ...handlers: readonly RequestHandler[]): Route {
  return { method, path, handlers };
}

/**
 * Registers the routes, then for every path an answer to the methods it does not have: 405 with `Allow`, or 204 to OPTIONS. The second
 * pass comes last so that `/things/:id` without POST cannot shadow POST `/things/search`.
 */
export function registerRoutes(app: Express, routes: readonly Route[]): void {
  const methodsByPath = new Map<string, string[]>();
  for (const { method, path, handlers } of routes) {
    app[method](path, ...handlers);
    const methods = methodsByPath.get(path) ?? [];
    methods.push(...(method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
    methodsByPath.set(path, methods);
  }
  for (const [path, methods] of methodsByPath) app.all(path, otherMethod(methods.join(', ')));
}

function otherMethod(allow: string): RequestHandler {
  return (request, response) => {
    response.setHeader('Allow', allow);
    if (request.method !== 'OPTIONS') {
      throw new AppError('METHOD_NOT_ALLOWED', `this route answers to ${allow}`, { details: { allow } });
    }
    response.status(204).end();
  };
}
