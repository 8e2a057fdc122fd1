import { median } from '../bench';
import type { Target } from '../bench';
import { FSYNC_CONNECTIONS } from './cases';
import type { RunRecord } from './measure';

export type Figure = (run: RunRecord, reference: RunRecord) => number;

export interface Bar {
  readonly figure: string;
  readonly bound: 'at least' | 'at most';
  readonly target: number;
  /** Subjects that must all reach it: the worst of their medians is compared. */
  readonly subjects: readonly string[];
  readonly of: Figure;
}

/** Requests per second, against the reference. */
export const rate: Figure = (run, reference) => run.requests_per_second / reference.requests_per_second;
const serverCpu: Figure = (run, reference) => (run.server_us ?? NaN) / (reference.server_us ?? NaN);
const allCpu: Figure = (run, reference) =>
  ((run.server_us ?? NaN) + (run.redis_us ?? NaN)) / (reference.server_us ?? NaN);
const p99: Figure = (run) => run.p99_ms;

const FSYNC = FSYNC_CONNECTIONS.map((n) => `fsync-${n}`);

const GATEWAY_BARS: readonly Bar[] = [
  { figure: 'fsync: rate / floor', bound: 'at least', target: 0.9, subjects: FSYNC, of: rate },
  { figure: 'fsync: gateway CPU / floor CPU', bound: 'at most', target: 1, subjects: FSYNC, of: serverCpu },
  { figure: 'fsync: gateway + Redis CPU / floor CPU', bound: 'at most', target: 1.4, subjects: FSYNC, of: allCpu },
  { figure: 'fsync: p99 ms', bound: 'at most', target: 30, subjects: FSYNC, of: p99 },
  { figure: 'low: p99 ms', bound: 'at most', target: 5, subjects: ['low'], of: p99 },
  { figure: 'sold-out: rate / floor', bound: 'at least', target: 1.3, subjects: ['sold-out'], of: rate },
  { figure: 'duplicates: rate / floor', bound: 'at least', target: 0.9, subjects: ['duplicates'], of: rate },
  {
    figure: 'limits and warm HS256: rate / without',
    bound: 'at least',
    target: 0.85,
    subjects: ['limits-warm-hs256'],
    of: rate,
  },
  { figure: 'cold HS256: rate / without auth', bound: 'at least', target: 0.7, subjects: ['cold-hs256'], of: rate },
  { figure: 'cold RS256: rate / without auth', bound: 'at least', target: 0.4, subjects: ['cold-rs256'], of: rate },
];

export interface ComparedRun {
  readonly run: RunRecord;
  /** The first subject of the case in the same round. */
  readonly reference: RunRecord;
}

/**
 * The bars that these runs can tell about. A pair is left out when the generator was too busy in either half; a bar whose runs are all left
 * out is not met.
 */
export function targetsOf(compared: readonly ComparedRun[], bars: readonly Bar[] = GATEWAY_BARS): Target[] {
  return bars.flatMap(({ figure, bound, target, subjects, of }) => {
    const measured = subjects.filter((name) => compared.some(({ run }) => run.subject === name));
    if (measured.length === 0) return [];
    const values = measured.map((name) => medianFigure(compared, name, of));
    const worst = values.some(Number.isNaN) ? NaN : bound === 'at least' ? Math.min(...values) : Math.max(...values);
    return [
      { figure, bound, target, median: rounded(worst), met: bound === 'at least' ? worst >= target : worst <= target },
    ];
  });
}

/** Median over the rounds that count; NaN when none does. */
export function medianFigure(compared: readonly ComparedRun[], subject: string, of: Figure = rate): number {
  const pairs = compared.filter(({ run, reference }) => run.subject === subject && run.counts && reference.counts);
  return pairs.length === 0 ? NaN : median(pairs.map(({ run, reference }) => of(run, reference)));
}

export function describeTarget({ figure, bound = 'at least', target, median: reached }: Target): string {
  const value = Number.isNaN(reached) ? 'not measured, or no run counts' : String(reached);
  return `${figure}: ${value} (${bound} ${target})`;
}

function rounded(value: number): number {
  return Number(value.toFixed(3));
}
