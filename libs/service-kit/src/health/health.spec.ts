import { systemClock } from '../clock';
import type { LifecycleState } from '../lifecycle/lifecycle';
import { Health } from './health';
import type { HealthCheck } from './health';

function healthWith(checks: HealthCheck[], state: () => LifecycleState = () => 'RUNNING', reuseMs = 0): Health {
  const health = new Health({ clock: systemClock, state, timeoutMs: 30, reuseMs });
  checks.forEach((check) => {
    health.register(check);
  });
  return health;
}

const healthy = (name: string): HealthCheck => ({ name, check: () => Promise.resolve() });
const broken = (name: string, more: Partial<HealthCheck> = {}): HealthCheck => ({
  name,
  check: () => Promise.reject(new Error('connect ECONNREFUSED redis://:hunter2@db')),
  ...more,
});

describe('Health', () => {
  it('is ok with the latency of every dependency', async () => {
    const { status, body } = await healthWith([healthy('mysql'), healthy('redis')]).report();
    expect(status).toBe(200);
    expect(body).toEqual({
      status: 'ok',
      checks: {
        mysql: { status: 'healthy', latency_ms: expect.any(Number) as number },
        redis: { status: 'healthy', latency_ms: expect.any(Number) as number },
      },
    });
  });

  it('is down with 503 when a needed dependency is unhealthy, naming the error without credentials', async () => {
    const { status, body } = await healthWith([healthy('mysql'), broken('redis')]).report();
    expect(status).toBe(503);
    expect(body.status).toBe('down');
    expect(body.checks['redis']).toMatchObject({ status: 'unhealthy', error: 'connect ECONNREFUSED redis://***@db' });
  });

  it('is degraded with 200 when only an optional dependency is unhealthy', async () => {
    const health = healthWith([healthy('mysql'), broken('rabbitmq', { optional: true })]);
    await expect(health.report()).resolves.toMatchObject({ status: 200, body: { status: 'degraded' } });
    await expect(health.ready()).resolves.toMatchObject({ status: 200 });
  });

  it('gives up on a check that does not answer and aborts it', async () => {
    let aborted = false;
    const stuck: HealthCheck = {
      name: 'mysql',
      check: (signal) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            aborted = true;
          });
        }),
    };
    const { body } = await healthWith([stuck]).report();
    expect(body.checks['mysql']).toMatchObject({ status: 'unhealthy', error: 'no answer within 30 ms' });
    expect(aborted).toBe(true);
  });

  it('is live whatever its dependencies do, until the service itself has failed', () => {
    let state: LifecycleState = 'RUNNING';
    const health = healthWith([broken('mysql')], () => state);
    expect(health.live()).toEqual({ status: 200, body: { status: 'ok', checks: {} } });
    state = 'FAILED';
    expect(health.live().status).toBe(503);
  });

  it.each(['STARTING', 'DRAINING', 'STOPPED', 'FAILED'] as const)('is not ready while %s', async (state) => {
    const { status, body } = await healthWith([healthy('mysql')], () => state).ready();
    expect(status).toBe(503);
    expect(body.checks['lifecycle']?.error).toBe(state.toLowerCase());
  });

  it('is not ready when the service begins to drain while the dependencies are asked', async () => {
    let state: LifecycleState = 'RUNNING';
    const check: HealthCheck = {
      name: 'mysql',
      check: () => {
        state = 'DRAINING';
        return Promise.resolve();
      },
    };
    await expect(healthWith([check], () => state).ready()).resolves.toMatchObject({ status: 503 });
  });

  it('asks the dependencies once for many who ask at the same time', async () => {
    let asked = 0;
    const counting: HealthCheck = {
      name: 'mysql',
      check: () => {
        asked += 1;
        return Promise.resolve();
      },
    };
    const health = healthWith([counting], () => 'RUNNING', 60_000);
    await Promise.all([health.report(), health.report(), health.ready()]);
    await health.report();
    expect(asked).toBe(1);
  });
});
