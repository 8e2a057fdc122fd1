import { loadAdminConfig } from './config';

const given = { MYSQL_URL: 'mysql://u@h/coupon', CLAIM_REDIS_URL: 'redis://h', AUTH_HS256_SECRET: 's'.repeat(32) };

it('has a default for everything but servers and secrets', () => {
  expect(loadAdminConfig(given)).toMatchObject({
    http: { port: 8056 },
    grpc: { port: 9056 },
    mysql: { poolSize: 100, poolIdle: 10 },
    auth: { mode: 'jwt' },
    userRatePerSecond: 5,
    schedule: { intervalMs: 1_000, prewarmAheadMs: 300_000 },
  });
});

it('names everything that is wrong at once, and no value', () => {
  const load = (): unknown =>
    loadAdminConfig({ MYSQL_URL: 'postgres://secret', HTTP_PORT: 'x', AUTH_MODE: 'jwt', PREWARM_AHEAD_MS: '-1' });
  expect(load).toThrow(/MYSQL_URL .*HTTP_PORT|HTTP_PORT .*MYSQL_URL/);
  expect(load).toThrow('CLAIM_REDIS_URL is required');
  expect(load).toThrow('PREWARM_AHEAD_MS');
  expect(load).not.toThrow('secret');
});

it.each([
  [{ AUTH_MODE: 'none', NODE_ENV: 'production' }, 'AUTH_MODE'],
  [{ AUTH_MODE: 'edge' }, 'AUTH_TRUSTED_PROXIES'],
  [{ AUTH_JWKS_URL: 'https://keys' }, 'AUTH_HS256_SECRET'],
  [{ OPERATION_RETENTION_MS: '6d', IDEMPOTENCY_RETENTION_MS: '7d' }, 'OPERATION_RETENTION_MS'],
  [{ OPERATION_LEASE_MS: '5s', REDIS_COMMAND_TIMEOUT_MS: '3s' }, 'OPERATION_LEASE_MS'],
])('refuses %p', (extra, variable) => {
  expect(() => loadAdminConfig({ ...given, ...extra })).toThrow(variable);
});
