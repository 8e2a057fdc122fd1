import { ERROR_CODES } from '@coupon/domain';
import type { ErrorCode } from '@coupon/domain';
import { z } from 'zod';
import type { Endpoint } from './endpoint';

type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };
type JsonObject = Record<string, JsonValue>;

const EVERY_ROUTE: readonly ErrorCode[] = ['INVALID_ARGUMENT', 'UNAUTHENTICATED', 'PERMISSION_DENIED', 'NOT_READY'];

const ERROR_BODY: JsonObject = {
  type: 'object',
  required: ['success', 'code', 'message'],
  properties: {
    success: { const: false },
    code: { type: 'string', enum: Object.keys(ERROR_CODES) },
    message: { type: 'string' },
    details: { type: 'object' },
  },
};

/** openapi.json, from the same schemas that check the requests. */
export function openApiDocument(endpoints: readonly Endpoint[], version: string): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const one of endpoints) {
    const path = one.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [one.method]: operationOf(one) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'coupon-admin', version },
    paths,
    components: {
      schemas: { Error: ERROR_BODY },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
    security: [{ bearer: [] }],
  };
}

function operationOf(one: Endpoint): JsonObject {
  const errors = new Map<number, ErrorCode[]>();
  for (const code of [...EVERY_ROUTE, ...one.codes]) {
    const { http } = ERROR_CODES[code];
    errors.set(http, [...(errors.get(http) ?? []), code]);
  }
  const responses: JsonObject = {
    [one.status]: { description: 'done', content: { 'application/json': { schema: schemaOf(one.answer, 'output') } } },
  };
  for (const [status, codes] of errors) {
    responses[String(status)] = {
      description: codes.join(', '),
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    };
  }
  return {
    operationId: operationId(one),
    summary: one.summary,
    description: `Role: ${one.role}.`,
    parameters: [...pathParameters(one), ...queryParameters(one), ...idempotencyHeader(one)],
    ...(one.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(one.body, 'input') } } } }),
    responses,
  };
}

function operationId({ method, path }: Endpoint): string {
  const words = path
    .replace('/api/v1', '')
    .split(/[/:_-]+/)
    .filter((word) => word !== '');
  return [method, ...words]
    .map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('');
}

function pathParameters({ path }: Endpoint): JsonObject[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters({ query }: Endpoint): JsonObject[] {
  if (query === undefined) return [];
  const schema = schemaOf(query, 'input');
  const properties = (schema['properties'] ?? {}) as Record<string, JsonValue>;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: 'query',
    required: false,
    schema: property,
  }));
}

function idempotencyHeader({ method }: Endpoint): JsonObject[] {
  if (method === 'get') return [];
  return [
    {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'the same key with the same request gets the first answer again',
      schema: { type: 'string', minLength: 1, maxLength: 64, pattern: '^[!-~]+$' },
    },
  ];
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    reused: 'inline',
  }) as JsonObject;
  return rest;
}
