import type { RequestHandler } from 'express';
import { Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** `http_request_duration_seconds{method,route,status}`; the route is the pattern, never the path: paths have no end of values. */
export function measureRequests(registry: Registry): RequestHandler {
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request line to the last byte of the answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  return (request, response, next) => {
    const stop = duration.startTimer();
    response.once('finish', () => {
      const matched = request.route as { path?: unknown } | undefined;
      const pattern = typeof matched?.path === 'string' ? matched.path : 'none';
      stop({ method: request.method, route: pattern, status: String(response.statusCode) });
    });
    next();
  };
}
