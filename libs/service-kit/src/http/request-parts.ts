import { InvalidArgumentError } from '@coupon/domain';
import type { Request } from 'express';

/** The parsed body; an empty object when there is none, because a command may come without. */
export function requestBody(request: Request): unknown {
  const body: unknown = request.body;
  return body === undefined ? {} : body;
}

/** @throws InvalidArgumentError for a parameter that is given twice, or with brackets */
export function requestQuery(request: Request): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.query)) {
    if (typeof value !== 'string') throw InvalidArgumentError.of(name, 'must be given once');
    query[name] = value;
  }
  return query;
}
