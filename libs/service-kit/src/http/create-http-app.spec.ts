import { AppError } from '@coupon/domain';
import { z } from 'zod';
import { systemClock } from '../clock';
import { Health } from '../health/health';
import { createLogger } from '../logging/create-logger';
import { createMetrics } from '../metrics/metrics';
import { validate } from '../validation/validate';
import { createHttpApp } from './create-http-app';
import { createHttpServer } from './http-server';
import type { HttpServer } from './http-server';
import { requestIdOf } from './request-id';
import { rawRoute, route } from './routes';

const itemSchema = z.strictObject({ name: z.string() });
const routes = [
  route('get', '/things/:id', (request, response) => {
    response.json({ id: request.params['id'], request_id: requestIdOf(response) });
  }),
  route('post', '/things', (request, response) => {
    response.status(201).json(validate(itemSchema, request.body));
  }),
  route('post', '/things/search', (_request, response) => {
    response.json({ found: 0 });
  }),
  rawRoute('post', '/signed/:id', (request, response) => {
    const body = request.body as Buffer;
    response.json({ id: request.params['id'], hex: body.toString('hex') });
  }),
  route('get', '/signed/:id', (_request, response) => {
    response.json({ signed: true });
  }),
  route('get', '/limited', () => {
    throw new AppError('RATE_LIMITED', 'too fast', { details: { retry_after_ms: 2_000, limit: 'user' } });
  }),
  route('get', '/bug', async () => {
    await Promise.resolve();
    throw new Error('secret internals');
  }),
];

describe('createHttpApp', () => {
  const lines: string[] = [];
  const metrics = createMetrics({ service: 'test' });
  let server: HttpServer;
  let base = '';

  beforeAll(async () => {
    const logger = createLogger({ name: 'test', level: 'info', destination: { write: (line) => lines.push(line) } });
    const health = new Health({ clock: systemClock, state: () => 'RUNNING' });
    health.register({ name: 'mysql', check: () => Promise.reject(new Error('gone')) });
    const app = createHttpApp({ logger, health, metrics, routes, bodyLimitBytes: 200 });
    server = createHttpServer({ handler: app, host: '127.0.0.1', port: 0 });
    base = `http://127.0.0.1:${await server.listen()}`;
  });

  afterAll(async () => {
    await server.close();
    metrics.close();
  });

  const post = (path: string, body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    fetch(base + path, { method: 'POST', body, headers });

  it('answers with the request id it was given, and mints one otherwise', async () => {
    const given = await fetch(`${base}/things/7`, { headers: { 'x-request-id': 'req-1' } });
    expect(await given.json()).toEqual({ id: '7', request_id: 'req-1' });
    expect(given.headers.get('x-request-id')).toBe('req-1');
    expect(given.headers.get('x-powered-by')).toBeNull();
    const minted = await fetch(`${base}/things/7`, { headers: { 'x-request-id': 'no spaces!' } });
    expect(minted.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('answers malformed JSON with 400 naming the body, without quoting it', async () => {
    const response = await post('/things', '{"name": secret');
    const text = await response.text();
    expect(response.status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ success: false, code: 'INVALID_ARGUMENT', details: { field: 'body' } });
    expect(text).not.toContain('secret');
  });

  it('answers a body over the limit with 413', async () => {
    const response = await post('/things', JSON.stringify({ name: 'x'.repeat(300) }));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', details: { limit_bytes: 200 } });
  });

  it.each([['null'], ['7'], ['"text"'], ['[]']])(
    'takes the JSON value %s to the schema, which refuses it',
    async (body) => {
      const response = await post('/things', body);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ details: { field: 'body' } });
    },
  );

  it('refuses a body that is not declared as JSON instead of ignoring it', async () => {
    const response = await post('/things', '{"name":"x"}', { 'content-type': 'text/plain' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ details: { field: 'Content-Type' } });
  });

  it('refuses an unknown encoding and a broken percent-encoding with 400', async () => {
    const gibberish = { 'content-type': 'application/json', 'content-encoding': 'snappy' };
    expect((await post('/things', '{}', gibberish)).status).toBe(400);
    const path = await fetch(`${base}/things/%zz`);
    expect(path.status).toBe(400);
    expect(await path.json()).toMatchObject({ details: { field: 'path' } });
  });

  it('answers an unknown route with 404 and a wrong method with 405 and Allow', async () => {
    const unknown = await fetch(`${base}/nothing`);
    expect([unknown.status, await unknown.json()]).toEqual([
      404,
      { success: false, code: 'NOT_FOUND', message: 'no such route' },
    ]);
    const wrong = await fetch(`${base}/things/7`, { method: 'DELETE' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await fetch(`${base}/things`, { method: 'OPTIONS' })).status).toBe(204);
  });

  it('does not let a pattern without POST shadow a longer route with POST', async () => {
    expect((await post('/things/search', '{}')).status).toBe(200);
  });

  it.each([
    ['JSON with its white space', '{ "a" :1}\n', 'application/json'],
    ['what is no JSON', '{"a":', 'application/json'],
    ['another type', 'a=1', 'application/x-www-form-urlencoded'],
    ['nothing', '', 'application/json'],
  ])('gives a raw route the bytes as they came: %s', async (_name, body, type) => {
    const response = await post('/signed/7', body, { 'content-type': type });
    expect([response.status, await response.json()]).toEqual([
      200,
      { id: '7', hex: Buffer.from(body).toString('hex') },
    ]);
  });

  it('limits the body of a raw route, and takes no compressed one: those are not the bytes that were signed', async () => {
    expect((await post('/signed/7', 'x'.repeat(201))).status).toBe(413);
    const gzip = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    expect(await (await post('/signed/7', 'x', gzip)).json()).toMatchObject({ details: { field: 'Content-Encoding' } });
  });

  it('knows the other methods of a path with a raw route', async () => {
    expect(await (await fetch(`${base}/signed/7`)).json()).toEqual({ signed: true });
    const wrong = await fetch(`${base}/signed/7`, { method: 'DELETE' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST, GET, HEAD']);
  });

  it('turns an AppError into its answer with Retry-After', async () => {
    const response = await fetch(`${base}/limited`);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '2']);
    expect(await response.json()).toMatchObject({ success: false, code: 'RATE_LIMITED', details: { limit: 'user' } });
  });

  it('answers a bug with 500 and nothing else, and logs it with the request id', async () => {
    const response = await fetch(`${base}/bug`, { headers: { 'x-request-id': 'req-bug' } });
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ success: false, code: 'INTERNAL', message: 'internal error' });
    const line = lines
      .map((text) => JSON.parse(text) as Record<string, unknown>)
      .find((entry) => entry['request_id'] === 'req-bug');
    expect(line).toMatchObject({ level: 'error', err: { message: 'secret internals' } });
  });

  it('answers the health routes and the metrics, with the pattern of a route as label', async () => {
    const health = await fetch(`${base}/health`);
    expect([health.status, await health.json()]).toMatchObject([
      503,
      { status: 'down', checks: { mysql: { status: 'unhealthy', error: 'gone' } } },
    ]);
    expect((await fetch(`${base}/health/live`)).status).toBe(200);
    expect((await fetch(`${base}/health/ready`)).status).toBe(503);
    const text = await (await fetch(`${base}/metrics`)).text();
    expect(text).toContain('route="/things/:id",status="200"');
    expect(text).not.toContain('/things/7');
  });
});
