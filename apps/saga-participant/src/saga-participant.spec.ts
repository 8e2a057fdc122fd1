import { ConfigError, createLogger } from '@coupon/service-kit';
import { branchAddress, loadSagaConfig } from './config';
import { createSagaParticipant } from './saga-participant';

const environment = {
  HTTP_HOST: '127.0.0.1',
  HTTP_PORT: '0',
  GRPC_PORT: '0',
  LOG_LEVEL: 'silent',
  AUTH_MODE: 'none',
  MYSQL_URL: 'mysql://u:p@127.0.0.1:1/coupon',
  SHOP_MYSQL_URL: 'mysql://u:p@127.0.0.1:1/shop',
  AMQP_URL: 'amqp://127.0.0.1:1',
  DTM_URL: 'http://127.0.0.1:1',
  DTM_GRPC_ADDRESS: '127.0.0.1:1',
  PAYMENT_WEBHOOK_SECRET: 'a secret of the provider',
};

describe('saga-participant', () => {
  it('is put together without touching a server', () => {
    const config = loadSagaConfig(environment);
    expect(() => createSagaParticipant(config, createLogger({ name: 'test', level: config.logLevel }))).not.toThrow();
  });

  it('does not start with a configuration that is wrong, and says everything that is', () => {
    expect(() => loadSagaConfig({ ...environment, HTTP_PORT: 'x', LOG_LEVEL: 'loud' })).toThrow(ConfigError);
    expect(() => loadSagaConfig({ ...environment, HTTP_PORT: 'x', LOG_LEVEL: 'loud' })).toThrow(
      /HTTP_PORT .*; LOG_LEVEL /,
    );
  });

  it.each([
    [{ PAYMENT_TIMEOUT_MS: '840000', COUPON_LOCK_TTL_MS: '900000' }, 'COUPON_LOCK_TTL_MS'],
    [{ SAGA_LEASE_MS: '30000' }, 'SAGA_LEASE_MS'],
    [{ DTM_GRPC_ADDRESS: '' }, 'DTM_GRPC_ADDRESS'],
    [{ STOCK_STRATEGY: 'lock' }, 'CACHE_REDIS_URL'],
    [{ AUTH_MODE: 'none', NODE_ENV: 'production' }, 'AUTH_MODE'],
    [{ AUTH_MODE: 'jwt', AUTH_HS256_SECRET: 'x'.repeat(32), NODE_ENV: 'production' }, 'BRANCH_SECRET'],
  ])('refuses %o, naming %s', (changed, name) => {
    expect(() => loadSagaConfig({ ...environment, ...changed })).toThrow(name);
  });

  it('takes a time to pay that leaves more than a minute of the lock', () => {
    expect(() => loadSagaConfig({ ...environment, PAYMENT_TIMEOUT_MS: '839999' })).not.toThrow();
  });

  it('tells DTM the address it is given, else the ports it listens on', () => {
    const ports = { http: 1, grpc: 2 };
    const at = (changed: Record<string, string>) =>
      branchAddress(loadSagaConfig({ ...environment, ...changed }), ports);
    expect(at({})).toEqual({ transport: 'grpc', address: '127.0.0.1:2' });
    expect(at({ BRANCH_TRANSPORT: 'http' })).toEqual({ transport: 'http', baseUrl: 'http://127.0.0.1:1' });
    expect(at({ BRANCH_TRANSPORT: 'http', BRANCH_ADDRESS: 'http://saga:8057/' })).toEqual({
      transport: 'http',
      baseUrl: 'http://saga:8057',
    });
  });
});
