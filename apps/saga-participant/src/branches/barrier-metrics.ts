import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';
import type { BarrierVerdict, BranchIdentity } from '@coupon/saga';

/** Counts what the barriers say; `compensated` is a call that came after the rollback of its saga. */
export function createBarrierMetrics(registry: Registry): (branch: BranchIdentity, verdict: BarrierVerdict) => void {
  const verdicts = new Counter({
    name: 'saga_barrier_verdicts_total',
    help: 'Calls of branches, by operation and by what the barrier said',
    labelNames: ['op', 'verdict'] as const,
    registers: [registry],
  });
  return ({ op }, verdict) => verdicts.inc({ op, verdict });
}
