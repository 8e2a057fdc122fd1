import { LOG_LEVELS, env, loadConfig } from '@coupon/service-kit';
import type { Environment, LogLevel } from '@coupon/service-kit';
import { z } from 'zod';

const schema = z.object({
  HTTP_HOST: env.text().default('0.0.0.0'),
  HTTP_PORT: env.port().default(8057),
  GRPC_PORT: env.port().default(9057),
  LOG_LEVEL: env.oneOf(LOG_LEVELS).default('info'),
  SHUTDOWN_DEADLINE_MS: env.durationMs({ min: 100, max: 300_000 }).default(15_000),
});

export interface Config {
  readonly host: string;
  /** 0 takes a free port. */
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly logLevel: LogLevel;
  readonly shutdownDeadlineMs: number;
}

/** The only reader of the environment. @throws ConfigError with every problem. */
export function readConfig(environment: Environment = process.env): Config {
  const given = loadConfig(schema, environment);
  return Object.freeze({
    host: given.HTTP_HOST,
    httpPort: given.HTTP_PORT,
    grpcPort: given.GRPC_PORT,
    logLevel: given.LOG_LEVEL,
    shutdownDeadlineMs: given.SHUTDOWN_DEADLINE_MS,
  });
}
