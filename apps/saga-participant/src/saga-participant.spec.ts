import { ConfigError, createLogger, systemClock } from '@coupon/service-kit';
import { readConfig } from './config';
import { createSagaParticipant } from './saga-participant';
import type { SagaParticipant } from './saga-participant';

const environment = { HTTP_HOST: '127.0.0.1', HTTP_PORT: '0', GRPC_PORT: '0', LOG_LEVEL: 'silent' };

function build(): SagaParticipant {
  const config = readConfig(environment);
  return createSagaParticipant({
    config,
    logger: createLogger({ name: 'test', level: config.logLevel }),
    clock: systemClock,
  });
}

describe('saga-participant', () => {
  it('is ready once it runs, has metrics, and ends cleanly', async () => {
    const { lifecycle, http, grpc } = build();
    await lifecycle.start();
    const base = `http://127.0.0.1:${http.port}`;
    expect(grpc.port).toBeGreaterThan(0);
    expect((await fetch(`${base}/health/ready`)).status).toBe(200);
    expect(await (await fetch(`${base}/health`)).json()).toEqual({ status: 'ok', checks: {} });
    expect(await (await fetch(`${base}/metrics`)).text()).toContain('service="saga-participant"');
    await expect(lifecycle.stop('test')).resolves.toBe('STOPPED');
    await expect(fetch(base)).rejects.toThrow();
  });

  it('has none of the routes that do not exist yet', async () => {
    const { lifecycle, http } = build();
    await lifecycle.start();
    expect((await fetch(`http://127.0.0.1:${http.port}/api/v1/checkouts`, { method: 'POST' })).status).toBe(404);
    await lifecycle.stop('test');
  });

  it('does not start with a configuration that is wrong, and says everything that is', () => {
    expect(() => readConfig({ HTTP_PORT: 'x', LOG_LEVEL: 'loud' })).toThrow(ConfigError);
    expect(() => readConfig({ HTTP_PORT: 'x', LOG_LEVEL: 'loud' })).toThrow(/HTTP_PORT .*; LOG_LEVEL /);
  });
});
