import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';
import type { FinalSagaState } from '@coupon/saga';
import type { SagaKind } from '../order-transitions';

export interface SagaMetrics {
  ended(kind: SagaKind, outcome: FinalSagaState['kind']): void;
  interrupted(kind: SagaKind): void;
}

export function createSagaMetrics(registry: Registry): SagaMetrics {
  const ended = new Counter({
    name: 'saga_runs_ended_total',
    help: 'Sagas that have ended, by kind and outcome',
    labelNames: ['kind', 'outcome'] as const,
    registers: [registry],
  });
  const interrupted = new Counter({
    name: 'saga_runs_interrupted_total',
    help: 'Times a saga could not be driven on: DTM or the database was not there',
    labelNames: ['kind'] as const,
    registers: [registry],
  });
  return {
    ended: (kind, outcome) => ended.inc({ kind, outcome }),
    interrupted: (kind) => interrupted.inc({ kind }),
  };
}
