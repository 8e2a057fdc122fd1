import { Counter, register } from 'prom-client';
import { createMetrics } from './metrics';

describe('createMetrics', () => {
  it('has process metrics, event-loop delay and what the app adds, labelled with the service', async () => {
    const metrics = createMetrics({ service: 'gateway' });
    const claims = new Counter({ name: 'claims_total', help: 'claims', registers: [metrics.registry] });
    claims.inc(3);
    const { contentType, body } = await metrics.render();
    metrics.close();
    expect(contentType).toMatch('text/plain');
    expect(body).toContain('claims_total{service="gateway"} 3');
    expect(body).toMatch(/process_cpu_seconds_total|nodejs_eventloop_lag_p99_seconds/);
  });

  it('keeps registries apart: two services in one process do not collide, the global one stays empty', async () => {
    const [one, two] = [createMetrics({ service: 'a' }), createMetrics({ service: 'b' })];
    expect(await register.metrics()).toBe('\n');
    one.close();
    two.close();
  });

  it('reads the event-loop delay in milliseconds', () => {
    const metrics = createMetrics({ service: 'a' });
    const { p50_ms, p99_ms, max_ms } = metrics.eventLoopDelay();
    metrics.close();
    for (const value of [p50_ms, p99_ms, max_ms]) expect(value).toBeGreaterThanOrEqual(0);
  });
});
