import { EventEmitter } from 'node:events';
import CircuitBreaker from 'opossum';
import type { MonotonicClock } from '../limits/limit-rule';

export type BreakerState = 'closed' | 'open' | 'half_open';

export interface BatchBreakerOptions {
  /** Opens at this share of failed batches. @default 50 */
  readonly failurePercent?: number;
  /** ... of at least so many in the rolling window. @default 10 */
  readonly minBatches?: number;
  /** @default 10000 */
  readonly windowMs?: number;
  /** From opening to the next probe. @default 1000 */
  readonly probeIntervalMs?: number;
  /** So many probes are made at that interval; from then on it doubles with every probe that fails. @default 10 */
  readonly steadyProbes?: number;
  /** @default 60000 */
  readonly maxProbeIntervalMs?: number;
  /** Opens when so many ticks in a row have met calls under way and no answer. @default 6 */
  readonly silentTicks?: number;
}

export interface BatchBreakerDependencies {
  readonly nowMs: MonotonicClock;
  /** Called on every change of state, for metrics and one log line. */
  readonly onState?: (state: BreakerState) => void;
}

const BUCKETS = 10;

/**
 * A circuit breaker around the calls that send a batch (opossum). A rejection is a failure; an answer is a success whatever it says, so
 * business refusals never open it. It has no timeout of its own: the caller's decides. Guarantees: open means no call is made; half open
 * means that exactly one is; a success then closes it, a failure opens it again. A store that hangs makes no failures before its timeouts:
 * that is what `tick` is for.
 */
export class BatchBreaker {
  private readonly circuit: CircuitBreaker<[() => Promise<unknown>]>;
  private readonly rotation = new EventEmitter();
  private readonly rotationTimer: NodeJS.Timeout;
  private readonly probeIntervalMs: number;
  private readonly maxProbeIntervalMs: number;
  private readonly steadyProbes: number;
  private readonly options: CircuitBreaker.Options;
  private minBatches: number;
  private readonly silentTicks: number;
  private openings = 0;
  private underWay = 0;
  private ticksWithoutAnswer = 0;
  private openedBySilence = false;
  private halfOpenAtMs = 0;

  constructor(
    options: BatchBreakerOptions,
    private readonly deps: BatchBreakerDependencies,
  ) {
    const windowMs = options.windowMs ?? 10_000;
    this.probeIntervalMs = options.probeIntervalMs ?? 1_000;
    this.maxProbeIntervalMs = options.maxProbeIntervalMs ?? 60_000;
    this.steadyProbes = options.steadyProbes ?? 10;
    this.minBatches = options.minBatches ?? 10;
    this.silentTicks = options.silentTicks ?? 6;
    this.options = {
      timeout: false,
      // Opossum opens above the threshold; we open at it.
      errorThresholdPercentage: (options.failurePercent ?? 50) - 1e-9,
      rollingCountTimeout: windowMs,
      rollingCountBuckets: BUCKETS,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: this.rotation,
      resetTimeout: this.probeIntervalMs,
      name: 'claim-batches',
    };
    this.circuit = new CircuitBreaker((call: () => Promise<unknown>) => this.make(call), this.options);
    // Opossum asks for its own property at every failure, but keeps the option from its construction.
    Object.defineProperty(this.circuit, 'volumeThreshold', { get: () => this.minBatches });
    this.rotationTimer = setInterval(() => this.rotation.emit('rotate'), windowMs / BUCKETS).unref();
    this.circuit.on('open', () => this.opened());
    this.circuit.on('halfOpen', () => this.deps.onState?.('half_open'));
    this.circuit.on('close', () => this.closed());
  }

  /** Makes the call, or rejects with an error that {@link isCircuitOpen} knows. */
  fire<T>(call: () => Promise<T>): Promise<T> {
    return this.circuit.fire(call) as Promise<T>;
  }

  state(): BreakerState {
    if (this.circuit.closed) return 'closed';
    return this.circuit.halfOpen ? 'half_open' : 'open';
  }

  /** Whether a call would be made now: for refusing before a claim is queued. */
  admits(): boolean {
    return this.circuit.closed || (this.circuit.halfOpen && this.circuit.pendingClose);
  }

  /** Milliseconds until the next probe; while one is on its way, the interval of probes. 0 when a call would be made. */
  retryAfterMs(): number {
    if (this.admits()) return 0;
    if (this.circuit.halfOpen) return this.probeIntervalMs;
    return Math.max(1, Math.ceil(this.halfOpenAtMs - this.deps.nowMs()));
  }

  /**
   * To be called about every 100 ms. Opens when calls are under way and none was answered for `silentTicks` of them; the first answer after
   * that closes it again. Ticks are counted, not time: a process that was held up itself has not listened meanwhile.
   * @returns whether the store is silent
   */
  tick(): boolean {
    if (this.underWay === 0) {
      this.ticksWithoutAnswer = 0;
      return false;
    }
    this.ticksWithoutAnswer += 1;
    if (this.ticksWithoutAnswer <= this.silentTicks) return false;
    this.circuit.open();
    this.openedBySilence = true;
    return true;
  }

  /** Other thresholds from the next batch on; the rolling window stays. */
  reconfigure(options: Pick<BatchBreakerOptions, 'failurePercent' | 'minBatches'>): void {
    if (options.failurePercent !== undefined) this.options.errorThresholdPercentage = options.failurePercent - 1e-9;
    if (options.minBatches !== undefined) this.minBatches = options.minBatches;
  }

  /** Stops its timers. */
  close(): void {
    clearInterval(this.rotationTimer);
    this.circuit.shutdown();
  }

  private async make(call: () => Promise<unknown>): Promise<unknown> {
    this.underWay += 1;
    try {
      const answer = await call();
      this.ticksWithoutAnswer = 0;
      if (this.openedBySilence) this.circuit.close();
      return answer;
    } finally {
      this.underWay -= 1;
    }
  }

  private opened(): void {
    this.halfOpenAtMs = this.deps.nowMs() + (this.options.resetTimeout ?? 0);
    this.openings += 1;
    // Opossum has started this pause; what is set here is the one after the next probe has failed.
    const doublings = Math.max(0, this.openings + 1 - this.steadyProbes);
    this.options.resetTimeout = Math.min(this.probeIntervalMs * 2 ** Math.min(doublings, 20), this.maxProbeIntervalMs);
    this.deps.onState?.('open');
  }

  private closed(): void {
    this.openings = 0;
    this.openedBySilence = false;
    this.options.resetTimeout = this.probeIntervalMs;
    // What failed before it opened must not open it again at the first failure: the window starts empty.
    for (let i = 0; i < BUCKETS; i += 1) this.rotation.emit('rotate');
    this.deps.onState?.('closed');
  }
}

/** True for the error of a call that was not made because the breaker was open: nothing has happened. */
export function isCircuitOpen(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === 'EOPENBREAKER';
}
