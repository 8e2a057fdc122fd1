import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';

export interface QuoteMetrics {
  /** Of one checkout. */
  readonly quotedStale: () => void;
}

export function createQuoteMetrics(registry: Registry): QuoteMetrics {
  const stale = new Counter({
    name: 'checkout_quotes_stale_total',
    help: 'Checkouts quoted with the last terms known, because the database could not be read',
    registers: [registry],
  });
  return { quotedStale: () => stale.inc() };
}
