import express from 'express';
import type { ErrorRequestHandler, Express, RequestHandler } from 'express';
import { AppError, InvalidArgumentError } from '@coupon/domain';
import type { Health } from '../health/health';
import type { Logger } from '../logging/create-logger';
import type { Metrics } from '../metrics/metrics';
import { errorBodyText, toErrorReply } from './error-reply';
import { measureRequests } from './measure-requests';
import { assignRequestId, requestIdOf } from './request-id';
import { refuseOtherMethods, registerJsonRoutes, registerRawRoutes, route } from './routes';
import type { Route } from './routes';

export interface HttpAppOptions {
  readonly logger: Logger;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly routes: readonly Route[];
  /** Larger bodies are answered with 413. @default 65536 */
  readonly bodyLimitBytes?: number;
  /** Middleware before the routes, for example a console's static files. */
  readonly before?: readonly RequestHandler[];
  /** Ids for requests that bring none. @default random UUIDs */
  readonly newRequestId?: () => string;
}

/**
 * An Express 5 app as every service has it: request id, JSON bodies, `/health*` and `/metrics`, the routes, 404 and 405, and one place
 * that turns errors into answers. It believes no forwarding header (trust proxy is off).
 */
export function createHttpApp(options: HttpAppOptions): Express {
  const { logger, health, metrics, routes, bodyLimitBytes = 65_536, before = [] } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', false);
  app.set('query parser', 'simple');
  app.use(assignRequestId(options.newRequestId));
  app.use(measureRequests(metrics.registry));
  for (const handler of before) app.use(handler);
  const all = [...systemRoutes(health, metrics), ...routes];
  registerRawRoutes(app, all, bodyLimitBytes);
  app.use(refuseOtherBodies);
  app.use(express.json({ limit: bodyLimitBytes, strict: false, type: isJson }));
  registerJsonRoutes(app, all);
  refuseOtherMethods(app, all);
  app.use(() => {
    throw new AppError('NOT_FOUND', 'no such route');
  });
  app.use(answerErrors(logger));
  return app;
}

function systemRoutes(health: Health, metrics: Metrics): Route[] {
  return [
    route('get', '/health', async (_request, response) => {
      const { status, body } = await health.report();
      response.status(status).json(body);
    }),
    route('get', '/health/live', (_request, response) => {
      const { status, body } = health.live();
      response.status(status).json(body);
    }),
    route('get', '/health/ready', async (_request, response) => {
      const { status, body } = await health.ready();
      response.status(status).json(body);
    }),
    route('get', '/metrics', async (_request, response) => {
      const { contentType, body } = await metrics.render();
      response.setHeader('Content-Type', contentType);
      response.end(body);
    }),
  ];
}

function isJson(request: { headers: { 'content-type'?: string | undefined } }): boolean {
  return /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '');
}

/** A body that is not declared as JSON would be skipped silently and look like an empty request. */
const refuseOtherBodies: RequestHandler = (request, _response, next) => {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  const hasBody = encoding !== undefined || (length !== undefined && length !== '0');
  if (hasBody && !isJson(request)) throw InvalidArgumentError.of('Content-Type', 'must be application/json');
  next();
};

function answerErrors(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const reply = toErrorReply(error);
    if (reply.unexpected) {
      logger.error({ err: error, request_id: requestIdOf(response), method: request.method }, 'request failed');
    }
    if (response.headersSent) {
      // Too late for an error body: Express cuts the connection, which is the only honest answer left.
      next(error);
      return;
    }
    for (const [name, value] of Object.entries(reply.headers)) response.setHeader(name, value);
    response.status(reply.status).type('application/json').send(errorBodyText(reply.body));
  };
}
