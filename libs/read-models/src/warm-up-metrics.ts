import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { WarmUp } from './warm-up';

/** `coupon_cache_warm_up_values`, read when it is asked for. Once per registry. */
export function registerWarmUpMetrics(registry: Registry, warmUp: Pick<WarmUp, 'stats'>): void {
  new Gauge({
    name: 'coupon_cache_warm_up_values',
    help: 'Values of the warm-up: found, absent at the origin, and left to be read',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { found, absent, left } = warmUp.stats();
      for (const [state, count] of Object.entries({ found, absent, left })) this.set({ state }, count);
    },
  });
}
