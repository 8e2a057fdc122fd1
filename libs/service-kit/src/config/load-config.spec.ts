import { z } from 'zod';
import { env } from './env';
import { ConfigError, loadConfig } from './load-config';

const schema = z.object({
  HTTP_PORT: env.port().default(8083),
  MYSQL_URL: env.url(['mysql:']),
  AUTH_HS256_SECRET: env.secret(32).optional(),
  SHUTDOWN_DEADLINE_MS: env.durationMs({ min: 100, max: 60_000 }).default(10_000),
  CACHE: env.boolean().default(false),
  WORKER_ROLES: env.listOf(['relay', 'consumer']).default(['relay', 'consumer']),
  ADMIN_GRPC_ADDRESS: env.hostPort().optional(),
});

function problemsOf(values: Record<string, string | undefined>): string[] {
  try {
    loadConfig(schema, values);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, message }) => `${variable} ${message}`);
  }
}

describe('loadConfig', () => {
  it('gives typed values and defaults, deeply frozen', () => {
    const config = loadConfig(schema, {
      MYSQL_URL: 'mysql://u:p@db:3306/coupon',
      CACHE: 'on',
      SHUTDOWN_DEADLINE_MS: '5s',
    });
    expect(config).toEqual({
      HTTP_PORT: 8083,
      MYSQL_URL: 'mysql://u:p@db:3306/coupon',
      SHUTDOWN_DEADLINE_MS: 5_000,
      CACHE: true,
      WORKER_ROLES: ['relay', 'consumer'],
    });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.WORKER_ROLES)).toBe(true);
  });

  it('lists every problem at once, with the names of the variables', () => {
    expect(problemsOf({ HTTP_PORT: '70000', CACHE: 'maybe', WORKER_ROLES: 'relay,cook' })).toEqual([
      'HTTP_PORT must be a port number from 0 to 65535',
      'MYSQL_URL is required',
      'CACHE must be true or false',
      'WORKER_ROLES must be a comma-separated list of relay, consumer',
    ]);
  });

  it('never repeats a value: it may be a secret', () => {
    const text = problemsOf({ MYSQL_URL: 'postgres://root:hunter2@db', AUTH_HS256_SECRET: 'too-short' }).join();
    expect(text).not.toMatch(/hunter2|too-short/);
    expect(text).toMatch(/AUTH_HS256_SECRET must be at least 32 bytes/);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(problemsOf({ MYSQL_URL: '' })).toEqual(['MYSQL_URL is required']);
    expect(loadConfig(schema, { MYSQL_URL: 'mysql://db', HTTP_PORT: '' }).HTTP_PORT).toBe(8083);
  });

  it.each(['-1', '1.5', '1e3', '0x10', 'NaN', '1d', ''.padEnd(20, '9')])(
    'refuses %s as a duration instead of falling back',
    (text) => {
      expect(problemsOf({ MYSQL_URL: 'mysql://db', SHUTDOWN_DEADLINE_MS: text })).toHaveLength(1);
    },
  );

  it.each(['db', 'db:', ':9056', 'db:0', 'db:99999', 'http://db:1'])('refuses %s as an address', (text) => {
    expect(problemsOf({ MYSQL_URL: 'mysql://db', ADMIN_GRPC_ADDRESS: text })).toHaveLength(1);
  });
});
