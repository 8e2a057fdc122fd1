import express from 'express';
import type { Express, RequestHandler } from 'express';
import { AppError } from '@coupon/domain';

export type HttpMethod = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** One route; the handlers run in order, a rejected promise is an error answer. */
export interface Route {
  readonly method: HttpMethod;
  /** Express 5 path (`/api/v1/flash-sales/:id/start`). */
  readonly path: string;
  readonly handlers: readonly RequestHandler[];
  /** `raw`: `request.body` is a Buffer of the bytes as they came, whatever their type, for signatures over them. @default json */
  readonly body?: 'json' | 'raw';
}

export function route(method: HttpMethod, path: string, ...handlers: readonly RequestHandler[]): Route {
  return { method, path, handlers };
}

/** A route whose handlers get the body unparsed (see `Route.body`). Parsing and checking it is theirs, after whatever proves who sent it. */
export function rawRoute(method: HttpMethod, path: string, ...handlers: readonly RequestHandler[]): Route {
  return { method, path, handlers, body: 'raw' };
}

/**
 * Routes with raw bodies; they come before what parses bodies. A compressed body is refused: its bytes are not those that were signed.
 * @param limitBytes larger bodies are answered with 413
 */
export function registerRawRoutes(app: Express, routes: readonly Route[], limitBytes: number): void {
  const readBody = express.raw({ type: () => true, limit: limitBytes, inflate: false });
  for (const { method, path, handlers } of routes.filter(isRaw)) {
    app[method](path, readBody, withEmptyBody, ...handlers);
  }
}

/** Routes with JSON bodies. */
export function registerJsonRoutes(app: Express, routes: readonly Route[]): void {
  for (const { method, path, handlers } of routes.filter((each) => !isRaw(each))) app[method](path, ...handlers);
}

/**
 * For every path an answer to the methods it does not have: 405 with `Allow`, or 204 to OPTIONS. It comes last so that `/things/:id` without
 * POST cannot shadow POST `/things/search`.
 */
export function refuseOtherMethods(app: Express, routes: readonly Route[]): void {
  const methodsByPath = new Map<string, string[]>();
  for (const { method, path } of routes) {
    const methods = methodsByPath.get(path) ?? [];
    methods.push(...(method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
    methodsByPath.set(path, methods);
  }
  for (const [path, methods] of methodsByPath) app.all(path, otherMethod(methods.join(', ')));
}

function isRaw({ body }: Route): boolean {
  return body === 'raw';
}

/** The reader leaves the body of a request without any undefined. */
const withEmptyBody: RequestHandler = (request, _response, next) => {
  if (!Buffer.isBuffer(request.body)) request.body = Buffer.alloc(0);
  next();
};

function otherMethod(allow: string): RequestHandler {
  return (request, response) => {
    response.setHeader('Allow', allow);
    if (request.method !== 'OPTIONS') {
      throw new AppError('METHOD_NOT_ALLOWED', `this route answers to ${allow}`, { details: { allow } });
    }
    response.status(204).end();
  };
}
