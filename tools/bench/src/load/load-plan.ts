import type { LatencySummary } from './latency-histogram';

/** What one run of the generator does. Plain data: it travels between processes. */
export interface LoadPlan {
  readonly port: number;
  readonly connections: number;
  readonly arrivals:
    | { readonly kind: 'closed' }
    /** So many requests per second, whatever the answers do. */
    | { readonly kind: 'open'; readonly ratePerSecond: number };
  /** The run ends after so many requests or so much time, whichever comes first. */
  readonly maxRequests: number;
  readonly maxSeconds: number;
  /** Answers before this are not measured; they are counted for the check all the same. */
  readonly warmUpSeconds: number;
  /** The measured part begins after so many requests at the earliest. */
  readonly warmUpRequests: number;
  /** Request n is of user `firstUser + n % users` … */
  readonly firstUser: number;
  readonly users: number;
  /** … for activity `floor(n / users)` of these, the last one when there are no more. All with the same number of digits. */
  readonly activities: readonly string[];
  /** Every request has an Idempotency-Key of its own, numbered from here. Absent: none has one. */
  readonly firstKey?: number;
  /** File of tokens, each `length` bytes, one per user in their order. */
  readonly tokens?: { readonly file: string; readonly length: number };
  /** Processes whose CPU time is read at both ends of the measured part. */
  readonly watchedPids: readonly number[];
  /** Receives per request one byte (class) and 26 bytes (claim id or zeros). */
  readonly answersFile?: string;
}

/** What came of it. */
export interface LoadResult {
  /** Requests sent, warm-up included. */
  readonly sent: number;
  /** Answers by class, warm-up included. `no answer` is there when a request got none. */
  readonly answers: Readonly<Record<string, number>>;
  /** Class number in the answers file -> name. */
  readonly classes: readonly string[];
  readonly measured: {
    readonly seconds: number;
    readonly answers: Readonly<Record<string, number>>;
    readonly latency: Readonly<Record<string, LatencySummary>>;
    readonly all: LatencySummary;
    /** CPU seconds of the watched processes, in their order. Null when the system does not tell. */
    readonly cpuSeconds: readonly (number | null)[];
    readonly generatorCpuSeconds: number;
    /** CPU seconds of the whole machine. Null when the system does not tell. */
    readonly machineCpuSeconds: number | null;
  };
  /** Answers by class of each half second from the start of the run. */
  readonly timeline: readonly Readonly<Record<string, number>>[];
  /** Open loop: arrivals that found every connection busy, and the most that waited at once. Their wait is part of their latency. */
  readonly delayedArrivals: number;
  readonly mostWaiting: number;
  /** Open loop: arrivals that were due when the time was over and had found no connection. */
  readonly unsent: number;
  /** Answers that were also parsed as JSON, and those of them that the scan had read otherwise. */
  readonly sampled: number;
  readonly sampleMismatches: number;
  readonly errors: readonly string[];
}

export const TIMELINE_MS = 500;
export const CLAIM_ID_BYTES = 26;
export const ANSWER_BYTES = 1 + CLAIM_ID_BYTES;
