import { loadGatewayConfig } from './config';

const given = { CLAIM_REDIS_URL: 'redis://h', AUTH_HS256_SECRET: 's'.repeat(32) };

it('has a default for everything but servers and secrets', () => {
  expect(loadGatewayConfig(given)).toMatchObject({
    processes: 1,
    http: { host: '0.0.0.0', port: 8083 },
    grpc: { host: '0.0.0.0', port: 9083 },
    redis: { durability: { mode: 'fsync' } },
    flow: { defaults: { per_address: null, per_activity: null, instance: null } },
    purchaseTokens: null,
    auth: { mode: 'jwt' },
  });
});

it('takes twice the rate of a limit for its burst, unless it is given', () => {
  const { flow } = loadGatewayConfig({
    ...given,
    ADDRESS_RATE_PER_SECOND: '7',
    INSTANCE_RATE_PER_SECOND: '7',
    INSTANCE_BURST: '8',
  });
  expect(flow.defaults).toMatchObject({ per_address: { rate: 7, burst: 14 }, instance: { rate: 7, burst: 8 } });
});

it.each([
  [{ AUTH_MODE: 'none', NODE_ENV: 'production' }, 'AUTH_MODE'],
  [{ AUTH_MODE: 'edge' }, 'AUTH_TRUSTED_PROXIES'],
  [{ AUTH_JWKS_URL: 'https://keys' }, 'AUTH_HS256_SECRET'],
  [{ DURABILITY_MODE: 'replicated', REPLICA_WAIT_TIMEOUT_MS: '3s' }, 'REPLICA_WAIT_TIMEOUT_MS'],
  [{ TICKET_RESULT_TTL_MS: '4999' }, 'TICKET_RESULT_TTL_MS'],
  [{ PURCHASE_TOKEN_PREVIOUS_KEY: 'k'.repeat(32) }, 'PURCHASE_TOKEN_KEY'],
  [{ PURCHASE_TOKEN_LEAD_MS: '1m' }, 'PURCHASE_TOKEN_LEAD_MS'],
])('refuses %p', (extra, variable) => {
  expect(() => loadGatewayConfig({ ...given, ...extra })).toThrow(`configuration: ${variable} `);
});
