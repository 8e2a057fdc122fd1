import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { AUTH_REFUSALS } from './auth-refusal';
import type { AuthRefusal } from './auth-refusal';
import type { KeyFetches } from './key-source';

/** Plain numbers on the way of a request; Prometheus reads them when it asks. */
export class AuthStatistics {
  /** Callers known from the cache. */
  hits = 0;
  /** Callers whose token was verified. */
  verified = 0;
  private readonly refusals = new Map<AuthRefusal, number>(AUTH_REFUSALS.map((reason) => [reason, 0]));

  constructor(
    private readonly cache: () => { readonly entries: number; readonly bytes: number } = () => ({
      entries: 0,
      bytes: 0,
    }),
    private readonly keyFetches: () => KeyFetches = () => ({ succeeded: 0, failed: 0 }),
  ) {}

  refused(reason: AuthRefusal): AuthRefusal {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
    return reason;
  }

  read(): {
    readonly hits: number;
    readonly verified: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly cache: { readonly entries: number; readonly bytes: number };
    readonly key_fetches: KeyFetches;
  } {
    return {
      hits: this.hits,
      verified: this.verified,
      refused: Object.fromEntries(this.refusals),
      cache: this.cache(),
      key_fetches: this.keyFetches(),
    };
  }
}

/** Counters auth_callers_total{how}, auth_refused_total{reason}, auth_key_fetches_total{result}; gauges of the cache. */
export function registerAuthMetrics(registry: Registry, statistics: Pick<AuthStatistics, 'read'>): void {
  const counter = (name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void => {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count);
      },
    });
  };
  counter('auth_callers_total', 'Callers authenticated: cached or verified', 'how', () => {
    const { hits, verified } = statistics.read();
    return { cached: hits, verified };
  });
  counter('auth_refused_total', 'Callers refused, by reason', 'reason', () => statistics.read().refused);
  counter('auth_key_fetches_total', 'Fetches of the key set', 'result', () => ({ ...statistics.read().key_fetches }));
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge('auth_cached_tokens', 'Verified tokens held', () => statistics.read().cache.entries);
  gauge('auth_cached_bytes', 'Bytes they take, estimated', () => statistics.read().cache.bytes);
}
