import type { ActivityId } from '@coupon/domain';
import type { SaleState } from '@coupon/lua';
import type { MonotonicClock } from '../limits/limit-rule';

export type FilteredReason = 'SOLD_OUT' | 'ENDED';

export interface SoldOutFilterDependencies<Claim> {
  /** `readSaleState` on the claim connection; a rejection passes every held claim on. */
  readonly readState: (activityId: ActivityId) => Promise<SaleState>;
  /** `readWinners` on the claim connection. */
  readonly loadWinners: (activityId: ActivityId) => AsyncIterable<readonly string[]>;
  /** Answers a held claim: refused by a reading that was sent after it had come. `guarded`: claims there need a purchase token. */
  readonly refuse: (claim: Claim, reason: FilteredReason, guarded: boolean) => void;
  /** Sends a held claim the ordinary way. */
  readonly pass: (claim: Claim) => void;
  readonly nowMs: MonotonicClock;
  /** Bounds how many winner lists are loaded at once: `coarseJobs`. */
  readonly schedule: <T>(job: () => Promise<T>) => Promise<T>;
  /** Runs a callback after so many ms, 0 = after what this turn of the event loop still brings. @default setImmediate or setTimeout */
  readonly defer?: (run: () => void, waitMs: number) => void;
  /** A reading or loading failed; the filter of that activity is off. */
  readonly onError: (error: unknown) => void;
}

export interface SoldOutFilterOptions {
  /** An activity with more winners is not filtered. @default 200000 */
  readonly maxWinners?: number;
  /** Activities filtered at once. @default 1000 */
  readonly maxActivities?: number;
  /** From one attempt to load winners to the next. @default 1000 */
  readonly retryMs?: number;
  /** From one reading of an activity to the next at least: under load one reading answers for more claims. @default 1 */
  readonly spacingMs?: number;
  /** A filter that nobody has met for this long is forgotten. @default 60000 */
  readonly idleMs?: number;
}

/** While run, epoch and event number stay the same, nobody wins and nothing is given back: the winners are complete for exactly this. */
interface Flag {
  readonly runId: string;
  readonly epoch: number;
  readonly eventSeq: number;
  readonly perUserLimit: number;
  readonly guarded: boolean;
  readonly winners: ReadonlySet<string>;
}

interface Entry<Claim> {
  flag: Flag | null;
  loading: boolean;
  notBeforeMs: number;
  lastUsedMs: number;
  held: Claim[];
  /** What the reading under way will answer. */
  asked: Claim[];
  reading: boolean;
}

/**
 * Refuses claims on sold out and ended activities without sending them. A claim is refused only by a reading of Redis that was sent after it
 * had come, shows the same event number as the winners were loaded at, and shows nothing available or the window over; and only if its user
 * is not among those winners. So Redis itself would have refused it at that moment, and nobody who holds a receipt is ever refused. One
 * reading answers for all claims that came before it was sent; per claim there are two lookups. README: "The sold-out rule".
 */
export class SoldOutFilter<Claim> {
  private readonly entries = new Map<ActivityId, Entry<Claim>>();
  private readonly maxWinners: number;
  private readonly maxActivities: number;
  private readonly retryMs: number;
  private readonly idleMs: number;
  private readonly spacingMs: number;
  private heldCount = 0;

  constructor(
    private readonly deps: SoldOutFilterDependencies<Claim>,
    options: SoldOutFilterOptions = {},
  ) {
    this.maxWinners = options.maxWinners ?? 200_000;
    this.maxActivities = options.maxActivities ?? 1_000;
    this.retryMs = options.retryMs ?? 1_000;
    this.idleMs = options.idleMs ?? 60_000;
    this.spacingMs = options.spacingMs ?? 1;
  }

  /** Claims that wait for a reading. */
  get held(): number {
    return this.heldCount;
  }

  /** Activities whose claims are filtered now. */
  get filtering(): number {
    let count = 0;
    for (const entry of this.entries.values()) if (entry.flag !== null) count += 1;
    return count;
  }

  /** What a batch of claims has shown. To be called for every batch that Redis decided; cheap unless the activity is sold out or over. */
  observe(activityId: ActivityId, shown: { readonly available: number; readonly ended: boolean }): void {
    if (shown.available > 0 && !shown.ended) return;
    const entry = this.entries.get(activityId) ?? this.open(activityId);
    if (entry === null || entry.flag !== null || entry.loading || this.deps.nowMs() < entry.notBeforeMs) return;
    void this.load(activityId, entry);
  }

  /**
   * Takes a claim if it would be refused: `refuse` or `pass` is called for it later, once. @returns false when the claim must be sent.
   * More units than a user may have are refused for that reason, so such a claim is sent, too.
   */
  hold(activityId: ActivityId, userId: string, quantity: number, claim: Claim): boolean {
    const entry = this.entries.get(activityId);
    if (entry === undefined || entry.flag === null) return false;
    if (quantity > entry.flag.perUserLimit || entry.flag.winners.has(userId)) return false;
    entry.held.push(claim);
    this.heldCount += 1;
    if (!entry.reading) this.schedule(activityId, entry);
    return true;
  }

  /** Forgets what nobody has asked for. To be called now and then. */
  sweep(): void {
    const before = this.deps.nowMs() - this.idleMs;
    for (const [id, entry] of this.entries) {
      if (entry.lastUsedMs < before && !entry.loading && !entry.reading) this.entries.delete(id);
    }
  }

  /** Passes on every claim that waits for a reading: the store does not answer. */
  release(): void {
    for (const entry of this.entries.values()) {
      if (!entry.reading) continue;
      entry.flag = null;
      this.settle([...entry.asked.splice(0), ...entry.held.splice(0)], null, false);
    }
  }

  private open(activityId: ActivityId): Entry<Claim> | null {
    if (this.entries.size >= this.maxActivities) return null;
    const entry: Entry<Claim> = {
      flag: null,
      loading: false,
      notBeforeMs: -Infinity,
      lastUsedMs: this.deps.nowMs(),
      held: [],
      asked: [],
      reading: false,
    };
    this.entries.set(activityId, entry);
    return entry;
  }

  /** After the I/O phase of this turn, or a moment after the last reading: one for everything that has come until then. */
  private schedule(activityId: ActivityId, entry: Entry<Claim>): void {
    entry.reading = true;
    const waitMs = Math.max(0, entry.lastUsedMs + this.spacingMs - this.deps.nowMs());
    (this.deps.defer ?? defer)(() => void this.confirm(activityId, entry), waitMs);
  }

  private async confirm(activityId: ActivityId, entry: Entry<Claim>): Promise<void> {
    entry.asked = entry.held;
    entry.held = [];
    entry.lastUsedMs = this.deps.nowMs();
    const { flag } = entry;
    let reason: FilteredReason | null = null;
    if (flag !== null) {
      try {
        const state = await this.deps.readState(activityId);
        reason = state.kind === 'known' && matches(flag, state) ? refusalOf(state) : null;
      } catch (error) {
        this.deps.onError(error);
      }
    }
    entry.reading = false;
    const claims = entry.asked;
    entry.asked = [];
    if (reason === null) {
      entry.flag = null;
      // What has come meanwhile was compared with these winners, too: later ones must not answer for it.
      claims.push(...entry.held.splice(0));
    }
    this.settle(claims, reason, flag?.guarded === true);
    if (entry.held.length > 0) this.schedule(activityId, entry);
  }

  private async load(activityId: ActivityId, entry: Entry<Claim>): Promise<void> {
    entry.loading = true;
    entry.notBeforeMs = this.deps.nowMs() + this.retryMs;
    try {
      entry.flag = await this.deps.schedule(() => this.loadFlag(activityId, entry));
    } catch (error) {
      this.deps.onError(error);
    } finally {
      entry.loading = false;
    }
  }

  /** Winners of a state that is read before them: it is compared with every later reading, so nothing needs to be read after them. */
  private async loadFlag(activityId: ActivityId, entry: Entry<Claim>): Promise<Flag | null> {
    const state = await this.deps.readState(activityId);
    if (state.kind !== 'known' || refusalOf(state) === null) return null;
    const winners = new Set<string>();
    for await (const chunk of this.deps.loadWinners(activityId)) {
      for (const userId of chunk) winners.add(userId);
      if (winners.size > this.maxWinners) {
        // Looking through them every second would be dearer than what it is to spare.
        entry.notBeforeMs = this.deps.nowMs() + TOO_MANY_RETRY_MS;
        return null;
      }
    }
    const { runId, epoch, eventSeq, perUserLimit, guarded } = state;
    return { runId, epoch, eventSeq, perUserLimit, guarded, winners };
  }

  private settle(claims: readonly Claim[], reason: FilteredReason | null, guarded: boolean): void {
    this.heldCount -= claims.length;
    for (const claim of claims) {
      if (reason === null) this.deps.pass(claim);
      else this.deps.refuse(claim, reason, guarded);
    }
  }
}

/** After an activity had more winners than are kept. */
const TOO_MANY_RETRY_MS = 60_000;

function defer(run: () => void, waitMs: number): void {
  if (waitMs > 0) setTimeout(run, waitMs);
  else setImmediate(run);
}

type KnownState = Extract<SaleState, { kind: 'known' }>;

function matches(flag: Flag, state: KnownState): boolean {
  return state.runId === flag.runId && state.epoch === flag.epoch && state.eventSeq === flag.eventSeq;
}

/** What the claim script answers at this state to somebody without a receipt, if that is one of the two. */
function refusalOf(state: KnownState): FilteredReason | null {
  if (state.window === 'ended') return 'ENDED';
  return state.window === 'open' && state.available === 0 ? 'SOLD_OUT' : null;
}
