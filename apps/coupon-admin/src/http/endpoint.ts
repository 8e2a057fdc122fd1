import type { Request, Response } from 'express';
import { localeOf } from '@coupon/discount';
import type { Locale } from '@coupon/discount';
import { parseId } from '@coupon/domain';
import type { ErrorCode, Id } from '@coupon/domain';
import {
  authenticateHttp,
  identityOf,
  readIdempotencyKey,
  requestBody,
  requestIdOf,
  requestQuery,
  route,
  validate,
} from '@coupon/service-kit';
import type { Authenticator, HttpMethod, Identity, Role, Route } from '@coupon/service-kit';
import type { z } from 'zod';
import type { WriteRequest } from '../use-cases/write';

/** One call of an endpoint, its parts already read and checked. */
export interface EndpointCall<Body, Query> {
  readonly body: Body;
  readonly query: Query;
  readonly identity: Identity;
  /** Of texts for people, by Accept-Language. */
  readonly locale: Locale;
  /** A path parameter that is an id. @throws InvalidArgumentError */
  readonly id: <Brand extends string>(name: string) => Id<Brand>;
  readonly parameter: (name: string) => string;
  /** Marks the answer: the database could not be read, and this is the last that was known. */
  readonly onStale: () => void;
  /** For the use cases: who writes, with which key; the path belongs to what the key stands for. */
  readonly write: (action: string) => WriteRequest;
}

/** A route and everything openapi.json says about it. */
export interface Endpoint {
  readonly method: HttpMethod;
  /** Express 5 path. */
  readonly path: string;
  readonly summary: string;
  readonly role: Role;
  readonly body: z.ZodType | undefined;
  readonly query: z.ZodType | undefined;
  readonly answer: z.ZodType;
  readonly status: 200 | 201;
  /** Error codes beyond those every route may answer with. */
  readonly codes: readonly ErrorCode[];
  readonly handle: (call: EndpointCall<unknown, unknown>) => Promise<unknown>;
}

export function endpoint<
  Body extends z.ZodType = z.ZodType<undefined>,
  Query extends z.ZodType = z.ZodType<undefined>,
>(definition: {
  readonly method: HttpMethod;
  readonly path: string;
  readonly summary: string;
  readonly role: Role;
  readonly body?: Body;
  readonly query?: Query;
  readonly answer: z.ZodType;
  readonly status?: 200 | 201;
  readonly codes?: readonly ErrorCode[];
  readonly handle: (call: EndpointCall<z.output<Body>, z.output<Query>>) => Promise<unknown>;
}): Endpoint {
  const { body, query, status = 200, codes = [], handle, ...rest } = definition;
  return { ...rest, body, query, status, codes, handle: handle as Endpoint['handle'] };
}

export function routeOf(definition: Endpoint, authenticator: Authenticator): Route {
  const { method, path, role, status } = definition;
  return route(method, path, authenticateHttp(authenticator, role), async (request, response) => {
    const result = await definition.handle(callOf(definition, request, response));
    response.status(status).json(result);
  });
}

function callOf(definition: Endpoint, request: Request, response: Response): EndpointCall<unknown, unknown> {
  const identity = identityOf(response);
  const parameter = (name: string): string => {
    const value = request.params[name];
    if (typeof value !== 'string') throw new Error(`the path ${definition.path} has no parameter ${name}`);
    return value;
  };
  const body = definition.body === undefined ? undefined : validate(definition.body, requestBody(request));
  const query = definition.query === undefined ? undefined : validate(definition.query, requestQuery(request), 'query');
  return {
    body,
    query,
    identity,
    locale: localeOf(request.get('accept-language')),
    parameter,
    onStale: () => {
      // RFC 9111 5.5: the code of a response that is stale.
      response.setHeader('Warning', '110 - "Response is Stale"');
    },
    id: (name) => parseId(parameter(name), name),
    write: (action) => ({
      actor: { subject: identity.subject, role: identity.role, requestId: requestIdOf(response) },
      action,
      request: { params: request.params, body },
      idempotencyKey: readIdempotencyKey(request.get('idempotency-key')),
    }),
  };
}
