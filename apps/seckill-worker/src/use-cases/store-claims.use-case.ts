import { pause } from '@coupon/service-kit';
import type { ClaimStore, Finding, StoreResult } from './claim-store';
import { eventKey } from './incoming-event';
import type { ClaimedEvent, IncomingEvent, ReleasedEvent } from './incoming-event';
import { withPatience } from './with-patience';
import type { Patience } from './with-patience';

/** What became of one event. */
export type StoreOutcome =
  /** In MySQL now, or it was before. */
  | { readonly kind: 'stored'; readonly again: boolean }
  /** It cannot be stored, as far as anybody can tell; it needs a person. */
  | { readonly kind: 'rejected'; readonly code: string; readonly reason: string; readonly attempts: number }
  /** It fits only after events that were numbered before it and are still on their way. */
  | { readonly kind: 'deferred'; readonly code: string; readonly reason: string };

type BadData = Extract<StoreResult, { kind: 'bad_data' }>;

export interface StoreClaimsOptions {
  readonly store: ClaimStore;
  /** How often the data of one event may be refused before it is given up. @default 3 */
  readonly maxAttempts?: number;
  /** Pause between two such attempts. @default 100 */
  readonly attemptDelayMs?: number;
}

/** Why an event does not fit at the moment. */
interface Obstacle {
  readonly code: string;
  readonly reason: string;
}

const OVER_TOTAL: Obstacle = { code: 'OVER_TOTAL', reason: 'the activity has no unit left' };
const CLAIM_MISSING: Obstacle = { code: 'CLAIM_MISSING', reason: 'the claim of this release is not stored' };
const DUPLICATE: Obstacle = { code: 'DUPLICATE', reason: 'a unique key refuses the row' };
const slotTaken = (by: string): Obstacle => ({ code: 'SLOT_TAKEN', reason: `slot held by ${by}` });
const STORED: StoreOutcome = { kind: 'stored', again: false };

const BETWEEN_ATTEMPTS_MS = 100;
const MAX_ATTEMPTS = 3;

/**
 * Stores a batch of events: optimistically in one transaction, and only when that fails looks closer. A batch with a bad event in it is
 * halved until the bad one stands alone; all others are stored.
 *
 * Order counts where releases are: a slot or unit that was given back may be taken again. So the events go in the order of their sequence
 * numbers, claims and releases in transactions of their own; a batch without releases, which is almost every batch, is one transaction.
 */
export class StoreClaims {
  constructor(private readonly options: StoreClaimsOptions) {}

  /** One outcome per event, in order. @throws AbandonedError when the patience's signal aborts; what was stored until then stays. */
  async execute(events: readonly IncomingEvent[], patience: Patience): Promise<StoreOutcome[]> {
    const run = new Run(this.options, patience);
    const { firsts, repeats } = separateRepeats(events);
    for (const group of sameKindRuns([...firsts].sort(bySequence))) await run.store(group);
    // Another event under a number that this batch has already used: what is stored by now decides which of them it belongs to.
    for (const event of repeats) await run.store([event]);
    await run.tryRefusedAgain();
    return events.map((event) => run.outcomeOf(event));
  }
}

class Run {
  private readonly outcomes = new Map<IncomingEvent, StoreOutcome>();
  /** Events whose data was refused, each on its own. */
  private refused: { readonly event: IncomingEvent; readonly refusal: BadData }[] = [];

  constructor(
    private readonly options: StoreClaimsOptions,
    private readonly patience: Patience,
  ) {}

  outcomeOf(event: IncomingEvent): StoreOutcome {
    const outcome = this.outcomes.get(event);
    if (outcome === undefined) throw new Error(`event ${event.body.event_id} has no outcome`);
    return outcome;
  }

  /** Events of one kind, in the order of their sequence numbers. */
  async store(events: readonly IncomingEvent[]): Promise<void> {
    const [first, ...others] = events;
    if (first === undefined) return;
    const result = await this.transaction(events);
    if (result.kind === 'stored') this.settle(events, STORED);
    else if (result.kind === 'duplicate') await this.storeWhatIsMissing(events);
    else if (result.kind === 'bad_data' && others.length === 0) this.refused.push({ event: first, refusal: result });
    else if (result.kind === 'bad_data') await this.halve(events);
    else if (others.length === 0)
      await this.decideByOrder(first, result.kind === 'over_total' ? OVER_TOTAL : CLAIM_MISSING);
    else await this.storeApart(events, result);
  }

  /** All together after one pause each time, so that many bad events do not hold up the good ones of the next batch. */
  async tryRefusedAgain(): Promise<void> {
    const { maxAttempts = MAX_ATTEMPTS, attemptDelayMs = BETWEEN_ATTEMPTS_MS } = this.options;
    for (let attempts = 1; this.refused.length > 0; attempts += 1) {
      if (attempts >= maxAttempts) {
        for (const { event, refusal } of this.refused) {
          this.settle([event], { kind: 'rejected', code: refusal.code, reason: refusal.reason, attempts });
        }
        return;
      }
      await pause(attemptDelayMs, this.patience.signal);
      const again = this.refused;
      this.refused = [];
      for (const { event } of again) await this.store([event]);
    }
  }

  private async transaction(events: readonly IncomingEvent[], tombstones = false): Promise<StoreResult> {
    const { store } = this.options;
    return withPatience('store', this.patience, () =>
      events[0]?.kind === 'released'
        ? store.storeReleases(events as readonly ReleasedEvent[], { tombstones })
        : store.storeClaims(events as readonly ClaimedEvent[]),
    );
  }

  private settle(events: readonly IncomingEvent[], outcome: StoreOutcome): void {
    for (const event of events) this.outcomes.set(event, outcome);
  }

  /** Some row was there already. */
  private async storeWhatIsMissing(events: readonly IncomingEvent[]): Promise<void> {
    const findings = await withPatience('inspect', this.patience, () => this.options.store.inspect(events));
    const missing: IncomingEvent[] = [];
    const blocked: { event: IncomingEvent; by: string }[] = [];
    for (const [index, event] of events.entries()) {
      const finding = findings[index] ?? { kind: 'nothing' };
      if (finding.kind === 'nothing') missing.push(event);
      else if (finding.kind === 'slot_taken') blocked.push({ event, by: finding.by });
      else this.settle([event], outcomeOfFinding(finding));
    }
    const [first] = missing;
    if (missing.length < events.length) await this.store(missing);
    else if (missing.length > 1) await this.halve(missing);
    // Alone, refused as a duplicate, and nothing to be seen: what was in the way is gone by now.
    else if (first !== undefined) await this.decideByOrder(first, DUPLICATE);
    // Last, because those they wait for may be among the missing.
    for (const { event, by } of blocked) await this.decideByOrder(event, slotTaken(by));
  }

  /** What cannot go yet is no reason to keep the others waiting. */
  private async storeApart(
    events: readonly IncomingEvent[],
    result: Extract<StoreResult, { kind: 'over_total' | 'claim_missing' }>,
  ): Promise<void> {
    const held = events.filter(({ body }) =>
      result.kind === 'over_total' ? body.activity_id === result.activityId : result.claimIds.has(body.claim_id),
    );
    const others = events.filter((event) => !held.includes(event));
    await this.store(others);
    // The earlier ones may still fit: they were claimed first.
    if (others.length === 0) await this.halve(held);
    else await this.store(held);
  }

  private async halve(events: readonly IncomingEvent[]): Promise<void> {
    const middle = Math.ceil(events.length / 2);
    await this.store(events.slice(0, middle));
    await this.store(events.slice(middle));
  }

  /**
   * A slot that is taken, a total that is reached or a claim that is not there can be right for the moment: the event that makes it fit was
   * numbered earlier and has not been stored yet. Only when nothing earlier is on its way is it more than that. The order matters: first
   * look whether all predecessors are there, then try again; what still fails then is not explained by any of them.
   */
  private async decideByOrder(event: IncomingEvent, obstacle: Obstacle): Promise<void> {
    const { store } = this.options;
    const { activity_id: activityId, event_seq: seq } = event.body;
    const before = await withPatience('predecessors', this.patience, () => store.predecessors(activityId, seq));
    // The claim lies in the dead-letter queue or never was: its release must hold all the same, whenever the claim comes.
    const tombstones = obstacle === CLAIM_MISSING && before !== 'in_flight';
    const result = await this.transaction([event], tombstones);
    if (result.kind === 'stored') return this.settle([event], STORED);
    if (result.kind === 'bad_data') {
      this.refused.push({ event, refusal: result });
      return;
    }
    if (result.kind === 'duplicate') {
      const [found] = await withPatience('inspect', this.patience, () => store.inspect([event]));
      if (found !== undefined && found.kind !== 'nothing' && found.kind !== 'slot_taken') {
        return this.settle([event], outcomeOfFinding(found));
      }
    }
    if (before === 'in_flight') return this.settle([event], { kind: 'deferred', ...obstacle });
    const waitsFor = before === 'parked' ? '; earlier events of the activity are in the dead-letter queue' : '';
    this.settle([event], { kind: 'rejected', code: obstacle.code, reason: obstacle.reason + waitsFor, attempts: 1 });
  }
}

function outcomeOfFinding(finding: Exclude<Finding, { kind: 'nothing' }>): StoreOutcome {
  switch (finding.kind) {
    case 'stored':
      return { kind: 'stored', again: true };
    case 'seq_taken':
      return incident({ code: 'SEQ_TAKEN', reason: `event number held by claim ${finding.by}` });
    case 'sn_taken':
      return incident({ code: 'SN_TAKEN', reason: `serial number held by ${finding.by}` });
    case 'slot_taken':
      return incident(slotTaken(finding.by));
  }
}

function incident(obstacle: Obstacle): StoreOutcome {
  return { kind: 'rejected', ...obstacle, attempts: 1 };
}

/** Neighbours of one kind together. */
function sameKindRuns(ordered: readonly IncomingEvent[]): IncomingEvent[][] {
  const runs: IncomingEvent[][] = [];
  for (const event of ordered) {
    const last = runs[runs.length - 1];
    if (last?.[0]?.kind === event.kind) last.push(event);
    else runs.push([event]);
  }
  return runs;
}

function separateRepeats(events: readonly IncomingEvent[]): { firsts: IncomingEvent[]; repeats: IncomingEvent[] } {
  const seen = new Set<string>();
  const firsts: IncomingEvent[] = [];
  const repeats: IncomingEvent[] = [];
  for (const event of events) {
    const key = eventKey(event);
    (seen.has(key) ? repeats : firsts).push(event);
    seen.add(key);
  }
  return { firsts, repeats };
}

function bySequence(a: IncomingEvent, b: IncomingEvent): number {
  return compare(a.body.activity_id, b.body.activity_id) || a.body.event_seq - b.body.event_seq;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
