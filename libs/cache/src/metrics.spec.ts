import { Registry } from 'prom-client';
import { World, turns } from '../test/support/world';
import { registerCacheMetrics } from './metrics';

describe('metrics of caches', () => {
  test('tell what the statistics count, per cache and level, whenever they are asked for', async () => {
    const world = new World();
    world.change('a');
    const [one, two] = [world.cache({ name: 'one' }), world.cache({ name: 'two' })];
    const registry = new Registry();
    registerCacheMetrics(registry, [one, two]);
    await one.get('a');
    await turns();
    await one.get('a');
    await two.get('a');
    for (let time = 0; time < 2; time += 1) {
      const text = await registry.metrics();
      expect(text).toContain('coupon_cache_hits_total{cache="one",level="l1"} 1');
      expect(text).toContain('coupon_cache_hits_total{cache="two",level="l2"} 1');
      expect(text).toContain('coupon_cache_loads_total{cache="one",level="l3"} 1');
      expect(text).toContain('coupon_cache_l1_entries{cache="two"} 1');
      expect(text).toContain('coupon_cache_fresh{cache="one"} 1');
      expect(text).toContain('coupon_cache_latency_seconds_count{cache="one",level="l3"} 1');
    }
    await Promise.all([one.close(), two.close()]);
  });

  test('the view of a cache has its rates, weight and latencies', async () => {
    const world = new World();
    world.change('a');
    const cache = world.cache();
    expect(cache.stats()).toMatchObject({ l1: { hit_rate: null, latency: { p50_ms: null } } });
    for (let read = 0; read < 1_025; read += 1) await cache.get('a');
    expect(cache.stats()).toMatchObject({
      name: 'row',
      fresh: true,
      l1: { hits: 1_024, misses: 1, hit_rate: 1_024 / 1_025, entries: 1, max_weight_bytes: 1_000_000 },
      l2: { hits: 0, misses: 1, hit_rate: 0 },
      l3: { loads: 1, calls: 1, latency: { p50_ms: 0.001 } },
    });
    expect(cache.stats().l1.weight_bytes).toBeGreaterThan(400);
    expect(cache.stats().l1.latency.p50_ms).not.toBeNull();
    await cache.close();
  });
});
