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

  it('hands the secret to all with mode jwt, and lets an app have settings of its own', () => {
    const [admin] = planApps({
      ...input,
      auth: { mode: 'jwt', hs256Secret: 's' },
      extra: { 'coupon-admin': { LOG_LEVEL: 'debug' } },
    });
    expect(admin?.env).toMatchObject({ AUTH_MODE: 'jwt', AUTH_HS256_SECRET: 's', LOG_LEVEL: 'debug' });
  });
});
