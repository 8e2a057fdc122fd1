import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import type { Logger } from '@coupon/service-kit';
import type { ClaimAnswer } from './claim-answer';

/** Counters of the claim path. Per claim it only adds to plain numbers; Prometheus reads them when it asks. */
export class ClaimMetrics {
  private readonly answers = new Map<string, number>();
  private early = 0;
  private readonly batchSize: Histogram;
  private readonly batchSeconds: Histogram;
  private readonly failures: Counter;

  constructor(
    registry: Registry,
    private readonly logger: Logger,
    pending: () => { waiting: number; inFlight: number },
  ) {
    const answers = this.answers;
    new Counter({
      name: 'claims_total',
      help: 'Claims answered, by code; OK is a win, REPLAYED a repeated receipt',
      labelNames: ['code'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [code, count] of answers) this.inc({ code }, count);
      },
    });
    new Gauge({
      name: 'claims_pending',
      help: 'Claims waiting for a batch or for the answer of Redis',
      labelNames: ['where'],
      registers: [registry],
      collect() {
        const { waiting, inFlight } = pending();
        this.set({ where: 'queue' }, waiting);
        this.set({ where: 'redis' }, inFlight);
      },
    });
    const early = (): number => this.early;
    new Counter({
      name: 'claims_refused_early_total',
      help: 'Claims refused with NOT_STARTED without asking Redis; part of claims_total',
      registers: [registry],
      collect() {
        this.reset();
        this.inc(early());
      },
    });
    this.batchSize = new Histogram({
      name: 'claim_batch_size',
      help: 'Claims per script call',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128],
      registers: [registry],
    });
    this.batchSeconds = new Histogram({
      name: 'claim_batch_duration_seconds',
      help: 'From sending a batch to its answer',
      buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 3],
      registers: [registry],
    });
    this.failures = new Counter({
      name: 'claim_batches_failed_total',
      help: 'Batches without a reply: effect "none" is safe to repeat, "unknown" is not',
      labelNames: ['effect'],
      registers: [registry],
    });
  }

  answered(answer: ClaimAnswer): void {
    const code = answer.kind === 'refused' ? answer.code : answer.replayed ? 'REPLAYED' : 'OK';
    this.answers.set(code, (this.answers.get(code) ?? 0) + 1);
  }

  refusedEarly(): void {
    this.early += 1;
  }

  batchSent(size: number): void {
    this.batchSize.observe(size);
  }

  batchAnswered(durationMs: number): void {
    this.batchSeconds.observe(durationMs / 1_000);
  }

  batchFailed(nothingHappened: boolean, error: unknown): void {
    this.failures.inc({ effect: nothingHappened ? 'none' : 'unknown' });
    this.logger.warn(
      { err: error, reason: nothingHappened ? 'refused by redis' : 'outcome unknown' },
      'claim batch failed',
    );
  }

  /** Answers by code since the start. */
  totals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.answers);
  }
}
