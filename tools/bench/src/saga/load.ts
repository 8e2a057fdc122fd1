import { Pool } from 'undici';
import { LatencyHistogram } from '../load/latency-histogram';
import type { LatencySummary } from '../load/latency-histogram';

export interface LoadTerms {
  /** Base URL. */
  readonly origin: string;
  readonly path: string;
  /** Requests under way at any time. */
  readonly concurrency: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** The n-th request, from 0; undefined: there is nothing left to ask for. */
  readonly body: (n: number) => { readonly orderSn: string; readonly text: string } | undefined;
  readonly onMeasured: () => void;
}

export interface LoadOutcome {
  /** Order -> what its client was told; warm-up included. */
  readonly told: ReadonlyMap<string, string>;
  /** Answered in the measured time. */
  readonly answered: number;
  readonly seconds: number;
  readonly latency: LatencySummary;
}

const REQUEST_TIMEOUT_MS = 30_000;

/** A closed loop: each client sends its next request when it has its answer. Ends when every answer is there. */
export async function runLoad(terms: LoadTerms): Promise<LoadOutcome> {
  const { concurrency, warmUpMs, measuredMs } = terms;
  const pool = new Pool(terms.origin, {
    connections: concurrency,
    pipelining: 1,
    headersTimeout: REQUEST_TIMEOUT_MS,
    bodyTimeout: REQUEST_TIMEOUT_MS,
  });
  const told = new Map<string, string>();
  const histogram = new LatencyHistogram();
  const startMs = performance.now();
  const fromMs = startMs + warmUpMs;
  const toMs = fromMs + measuredMs;
  let next = 0;
  const client = async (): Promise<void> => {
    while (performance.now() < toMs) {
      const request = terms.body(next++);
      if (request === undefined) throw new Error('the bed was made too small: more requests than were prepared');
      const sentMs = performance.now();
      const status = await send(pool, terms.path, request.text);
      const nowMs = performance.now();
      told.set(request.orderSn, status);
      if (nowMs < fromMs || nowMs > toMs) continue;
      histogram.recordUs((nowMs - sentMs) * 1_000);
    }
  };
  const timer = setTimeout(() => terms.onMeasured(), warmUpMs);
  try {
    await Promise.all(Array.from({ length: concurrency }, client));
  } finally {
    clearTimeout(timer);
    await pool.destroy();
  }
  return { told, answered: histogram.count, seconds: measuredMs / 1_000, latency: histogram.summary() };
}

async function send(pool: Pool, path: string, body: string): Promise<string> {
  const response = await pool.request({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json' },
    body,
  });
  const answer = (await response.body.json()) as { status?: string; code?: string; message?: string };
  return answer.status ?? `${response.statusCode} ${answer.code ?? ''} ${answer.message ?? ''}`;
}
