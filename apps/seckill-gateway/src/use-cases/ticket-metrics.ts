import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { ErrorCode } from '@coupon/domain';
import type { DecideResult } from '@coupon/lua';
import type { Clock, Logger } from '@coupon/service-kit';

/** A broken connection fails everything in flight at once; one line says as much as hundreds. */
const LOG_EVERY_MS = 1_000;

/** Counters of the asynchronous purchase. Plain numbers; Prometheus reads them when it asks. */
export class TicketMetrics {
  private readonly answers = new Map<string, number>();
  private readonly ends = { WON: 0, LOST: 0, EXPIRED: 0 };
  private readonly failures: Counter;
  private lastLoggedMs = -Infinity;

  constructor(
    registry: Registry,
    private readonly logger: Logger,
    private readonly clock: Pick<Clock, 'nowMs'>,
    streams: () => number,
  ) {
    const { answers, ends } = this;
    new Counter({
      name: 'ticket_requests_total',
      help: 'Asynchronous purchases answered, by code; OK is a ticket',
      labelNames: ['code'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [code, count] of answers) this.inc({ code }, count);
      },
    });
    new Counter({
      name: 'tickets_ended_total',
      help: 'Tickets this process has brought to their end, by status',
      labelNames: ['status'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [status, count] of Object.entries(ends)) this.inc({ status }, count);
      },
    });
    new Gauge({
      name: 'ticket_streams',
      help: 'Open event streams of tickets',
      registers: [registry],
      collect() {
        this.set(streams());
      },
    });
    this.failures = new Counter({
      name: 'ticket_calls_failed_total',
      help: 'Calls to the queue of tickets without a usable reply; all but enqueue are repeated by themselves',
      labelNames: ['step'],
      registers: [registry],
    });
  }

  enqueued(code: 'OK' | ErrorCode): void {
    this.answers.set(code, (this.answers.get(code) ?? 0) + 1);
  }

  decided({ won, lost, expired }: DecideResult): void {
    this.ends.WON += won;
    this.ends.LOST += lost;
    this.ends.EXPIRED += expired;
  }

  failed(step: 'register' | 'enqueue' | 'decide' | 'list' | 'poll' | 'replicate', error: unknown): void {
    this.failures.inc({ step });
    const nowMs = this.clock.nowMs();
    if (nowMs - this.lastLoggedMs < LOG_EVERY_MS) return;
    this.lastLoggedMs = nowMs;
    this.logger.warn({ err: error, step }, 'queue of tickets: call failed');
  }
}
