import { planApps } from './app-plan';
import type { PlanInput } from './app-plan';

const input: PlanInput = {
  instances: {
    'seckill-gateway': [
      { http: 1, grpc: 2 },
      { http: 3, grpc: 4 },
    ],
    'coupon-admin': [{ http: 5, grpc: 6 }],
    'seckill-worker': [{ http: 7, grpc: undefined }],
  },
  redisUrl: 'redis://r',
  amqpUrl: 'amqp://a',
  mysqlUrls: { 'coupon-admin': 'mysql://admin', 'seckill-worker': 'mysql://worker' },
  auth: { mode: 'none' },
  logLevel: 'warn',
  base: { PATH: '/bin' },
};

describe('planApps', () => {
  const plans = planApps(input);
  const envOf = (name: string): Readonly<Record<string, string>> => plans.find((plan) => plan.name === name)?.env ?? {};

  it('names further instances and starts only what was asked for', () => {
    expect(plans.map(({ name }) => name)).toEqual([
      'coupon-admin',
      'seckill-worker',
      'seckill-gateway',
      'seckill-gateway-2',
    ]);
  });

  it('gives every app its own MySQL user and the gateway none', () => {
    expect(envOf('coupon-admin')['MYSQL_URL']).toBe('mysql://admin');
    expect(envOf('seckill-worker')['MYSQL_URL']).toBe('mysql://worker');
    expect(envOf('seckill-gateway')).not.toHaveProperty('MYSQL_URL');
  });

  it('lets the worker read the binlog where there is a user for it', () => {
    expect(envOf('seckill-worker')).not.toHaveProperty('WORKER_ROLES');
    const [worker] = planApps({ ...input, binlogMysqlUrl: 'mysql://binlog' }).filter(
      ({ app }) => app === 'seckill-worker',
    );
    expect(worker?.env['BINLOG_MYSQL_URL']).toBe('mysql://binlog');
    expect(worker?.env['WORKER_ROLES']).toBe('relay,consumer,reconciliation,binlog');
  });

  it('has caches only where changes are told', () => {
    expect(envOf('coupon-admin')).toMatchObject({ CACHE: 'off', AMQP_URL: 'amqp://a' });
    for (const { env } of planApps({ ...input, binlogMysqlUrl: 'mysql://binlog' }))
      expect(env).not.toHaveProperty('CACHE');
  });

  it('tells every gateway where coupon-admin is, and gives the worker no gRPC port', () => {
    expect(envOf('seckill-gateway-2')).toMatchObject({
      HTTP_PORT: '3',
      GRPC_PORT: '4',
      ADMIN_GRPC_ADDRESS: '127.0.0.1:6',
    });
    expect(envOf('seckill-worker')).not.toHaveProperty('GRPC_PORT');
  });

  it('listens on the loopback address only and passes nothing else of the environment on', () => {
    expect(plans.every(({ env }) => env['HTTP_HOST'] === '127.0.0.1' && env['PATH'] === '/bin')).toBe(true);
    expect(envOf('seckill-gateway')).not.toHaveProperty('HOME');
  });

  describe('saga-participant', () => {
    const coordinator = { url: 'http://dtm:1', grpcAddress: 'dtm:2', branchHost: '127.0.0.1', listenHost: '127.0.0.1' };
    const sagas = { shopMysqlUrl: 'mysql://shop', coordinator, webhookSecret: 'w', branchSecret: 'b' };
    const planned = (changed: Partial<typeof coordinator>): Readonly<Record<string, string>> | undefined =>
      planApps({
        ...input,
        instances: { 'saga-participant': [{ http: 8, grpc: 9 }] },
        mysqlUrls: { 'saga-participant': 'mysql://saga' },
        sagas: { ...sagas, coordinator: { ...coordinator, ...changed } },
      })[0]?.env;

    it('knows both databases, the broker and the coordinator, and tells the coordinator where it is', () => {
      expect(planned({})).toMatchObject({
        MYSQL_URL: 'mysql://saga',
        SHOP_MYSQL_URL: 'mysql://shop',
        AMQP_URL: 'amqp://a',
        CACHE_REDIS_URL: 'redis://r',
        DTM_URL: 'http://dtm:1',
        DTM_GRPC_ADDRESS: 'dtm:2',
        BRANCH_ADDRESS: '127.0.0.1:9',
        BRANCH_SECRET: 'b',
        PAYMENT_WEBHOOK_SECRET: 'w',
        HTTP_HOST: '127.0.0.1',
      });
    });

    it('listens on all interfaces only for a coordinator that comes from elsewhere', () => {
      expect(planned({ branchHost: '10.0.0.7', listenHost: '0.0.0.0' })).toMatchObject({
        HTTP_HOST: '0.0.0.0',
        BRANCH_ADDRESS: '10.0.0.7:9',
      });
    });

    it('shares its secrets with no other app', () => {
      const others = planApps({ ...input, sagas });
      expect(others.some(({ env }) => 'BRANCH_SECRET' in env || 'PAYMENT_WEBHOOK_SECRET' in env)).toBe(false);
    });
  });

  it('hands the secret to all with mode jwt, and lets an app have settings of its own', () => {
    const [admin] = planApps({
      ...input,
      auth: { mode: 'jwt', hs256Secret: 's' },
      extra: { 'coupon-admin': { LOG_LEVEL: 'debug' } },
    });
    expect(admin?.env).toMatchObject({ AUTH_MODE: 'jwt', AUTH_HS256_SECRET: 's', LOG_LEVEL: 'debug' });
  });
});
