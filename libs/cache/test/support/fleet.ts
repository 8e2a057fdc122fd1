import { HeartbeatFreshness, alwaysFresh } from '../../src/freshness';
import type { Heartbeat, SharedTierProgress } from '../../src/freshness';
import { MemorySharedTier } from '../../src/memory-shared-tier';
import type { SharedTier } from '../../src/tier';
import { TieredCache } from '../../src/tiered-cache';
import { UnsettledChanges, settledVersion } from '../../src/unsettled-changes';
import { ManualClock } from './manual-clock';
import { rowCodec } from './world';
import type { Row } from './world';

export type FleetStep =
  | { readonly do: 'read'; readonly instance: number; readonly key: string }
  | { readonly do: 'readMany'; readonly instance: number }
  | { readonly do: 'write'; readonly key: string }
  /** Announced, and cannot be read before it (and all before it) is committed. */
  | { readonly do: 'log'; readonly key: string }
  | { readonly do: 'commit' }
  /** To an instance, or (the number after the last) to the one who drops L2. */
  | { readonly do: 'deliver'; readonly to: number }
  | { readonly do: 'run'; readonly which: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'beat' }
  /** `loseQueue`: what is announced and not delivered yet never comes; the process notices. */
  | { readonly do: 'restart' | 'loseQueue'; readonly instance: number }
  | { readonly do: 'failL2' | 'failOrigin'; readonly calls: number }
  /** Whatever waits, and what that leads to. */
  | { readonly do: 'runAll' };

interface Change {
  readonly kind: 'change';
  readonly key: string;
  readonly version: number;
}

type Message =
  | Change
  | { readonly kind: 'beat'; readonly beat: Heartbeat }
  | { readonly kind: 'reached'; readonly progress: SharedTierProgress };

/** Longer than in use, for the time of a run passes in jumps. */
const WITHIN_MS = 5_000;

interface Instance {
  cache: TieredCache<string, Row>;
  freshness: HeartbeatFreshness;
  queue: Message[];
  readonly unsettled: UnsettledChanges<Change>;
  /** Highest version heard of and settled, by key; at the start what could be read by then. */
  heard: Map<string, number>;
}

const wordOf = ({ key, version }: Change): string => `${key}-${version}`;

/** A model of the fleet in which every step waits for its turn. */
export class Fleet {
  private readonly clock = new ManualClock();
  private readonly l2 = new MemorySharedTier({ nowMs: this.clock.nowMs, markMs: 1_000 });
  /** What can be read. */
  private readonly origin = new Map<string, number>();
  /** What is logged and not committed yet, in this order. */
  private readonly log: (Change | { readonly kind: 'beat'; readonly sentMs: number })[] = [];
  private readonly versions = new Map<string, number>();
  private acknowledgedMs = 0;
  private readonly instances: Instance[];
  private readonly retired: Instance[] = [];
  private readonly dropperQueue: Message[] = [];
  private readonly dropperUnsettled = new UnsettledChanges<Change>();
  private settling: Change[] = [];
  private dropping: Promise<void> | undefined;
  private readonly waiting: (() => void)[] = [];
  private readonly problems: string[] = [];
  private readonly reads = new Set<Promise<void>>();
  private l2Failures = 0;
  private originFailures = 0;
  private beats = 0;
  /** Answers by level, of all reads. */
  readonly levels = new Map<string, number>();
  private randomState = 1;

  constructor(
    private readonly keys: readonly string[],
    count: number,
    /** Without them everybody is fresh all the time, and nobody restarts. */
    private readonly heartbeats: boolean,
    private readonly reloadReadWithinMs = 0,
  ) {
    for (const key of keys) this.origin.set(key, 0);
    this.instances = Array.from({ length: count }, () => this.newInstance());
    const [sentMs, source] = [this.clock.nowMs(), 's'];
    for (const instance of this.instances) {
      this.hear(instance, { kind: 'beat', beat: { source, sentMs, acknowledgedMs: 0 } });
      this.hear(instance, { kind: 'beat', beat: { source, sentMs: sentMs + 1e-6, acknowledgedMs: sentMs } });
      this.hear(instance, { kind: 'reached', progress: { source, sentMs: sentMs + 1e-6, settledMs: sentMs } });
    }
    this.beats = 1;
  }

  async step(step: FleetStep): Promise<void> {
    if (step.do === 'read') this.read(step.instance, [step.key]);
    else if (step.do === 'readMany') this.read(step.instance, this.keys);
    else if (step.do === 'write') this.write(step.key, true);
    else if (step.do === 'log') this.write(step.key, !this.heartbeats);
    else if (step.do === 'commit') this.commitNext();
    else if (step.do === 'deliver') this.deliver(step.to);
    else if (step.do === 'run') this.waiting.splice(step.which % Math.max(this.waiting.length, 1), 1)[0]?.();
    else if (step.do === 'pass') this.clock.advance(step.ms);
    else if (step.do === 'beat') this.beat();
    else if (step.do === 'restart') this.restart(step.instance);
    else if (step.do === 'loseQueue') this.loseQueue(step.instance);
    else if (step.do === 'failL2') this.l2Failures = step.calls;
    else if (step.do === 'failOrigin') this.originFailures = step.calls;
    else for (let turn = 0; turn < 30; turn += 1) await this.goOn(0);
    await micro();
  }

  /** Everything arrives, nothing fails any more. */
  async settle(): Promise<void> {
    this.l2Failures = 0;
    this.originFailures = 0;
    for (let round = 0; round < 400; round += 1) {
      if (round % 5 === 0) this.beat();
      for (let to = 0; to <= this.instances.length; to += 1) this.deliver(to);
      while (this.waiting.length > 0) {
        this.waiting.shift()?.();
        await micro();
      }
      this.clock.advance(50);
      await micro();
      const quiet = this.dropperQueue.length === 0 && this.dropping === undefined && this.reads.size === 0;
      if (quiet && round > 20) return;
    }
    this.problems.push('the fleet does not come to rest');
  }

  check(): void {
    if (this.problems.length > 0) throw new Error(this.problems.join('\n'));
  }

  /** @returns what is not the present value, at the end. */
  async readEverywhere(): Promise<string[]> {
    const wrong: string[] = [];
    for (const [index, { cache }] of this.instances.entries()) {
      const reads = Promise.all(this.keys.map((key) => cache.get(key)));
      let done = false;
      void reads.finally(() => (done = true));
      while (!done) await this.goOn();
      for (const result of await reads)
        if (result.kind !== 'found' || result.stale || result.value.version !== this.origin.get(result.value.id))
          wrong.push(`instance ${index}: ${JSON.stringify(result)}`);
    }
    return wrong;
  }

  async close(): Promise<void> {
    const closing = Promise.all([...this.retired, ...this.instances].map(({ cache }) => cache.close()));
    let done = false;
    void closing.finally(() => (done = true));
    while (!done) await this.goOn();
  }

  private async goOn(ms = 5): Promise<void> {
    this.waiting.shift()?.();
    this.clock.advance(ms);
    await micro();
  }

  private newInstance(): Instance {
    const freshness = new HeartbeatFreshness({ withinMs: WITHIN_MS });
    freshness.sent({ source: 's', sentMs: 0 }, 0);
    const cache = new TieredCache<string, Row>({
      name: 'row',
      keyOf: (key) => key,
      codec: rowCodec,
      load: (keys) => this.load(keys),
      l2: this.slowL2(),
      maxWeightBytes: 1_000_000,
      freshness: this.heartbeats ? freshness : alwaysFresh,
      clock: this.clock,
      random: () => this.random(),
      l1TtlMs: 2_000,
      l2TtlMs: 5_000,
      leaseMs: 200,
      waitMs: 100,
      loadTimeoutMs: 20_000,
      dropMemoryMs: 3_600_000,
      reloadReadWithinMs: this.reloadReadWithinMs,
    });
    return { cache, freshness, queue: [], unsettled: new UnsettledChanges(), heard: new Map(this.origin) };
  }

  private loseQueue(index: number): void {
    const instance = this.instances[index];
    if (!this.heartbeats || instance === undefined) return;
    instance.queue = [];
    instance.unsettled.clear();
    instance.freshness.lost();
    // Not fresh until L2 is known to be dropped as far: so nothing older than now may be answered.
    instance.heard = new Map(this.origin);
  }

  private restart(index: number): void {
    if (!this.heartbeats) return;
    const [old] = this.instances.splice(index, 1, this.newInstance());
    if (old !== undefined) this.retired.push(old);
  }

  /** What was heard when the read began is the least that may be answered, unless it is marked as stale. */
  private read(index: number, keys: readonly string[]): void {
    const instance = this.instances[index];
    if (instance === undefined) return;
    const least = keys.map((key) => instance.heard.get(key) ?? 0);
    const read = instance.cache
      .getMany(keys)
      .then(
        (results) => {
          for (const [position, result] of results.entries()) {
            const floor = least[position] ?? 0;
            this.levels.set(result.level, (this.levels.get(result.level) ?? 0) + 1);
            if (result.kind === 'found' && !result.stale && result.value.version >= floor) continue;
            if (result.stale) continue;
            this.problems.push(`instance ${index} had heard of ${floor} and answered ${JSON.stringify(result)}`);
          }
        },
        (error: unknown) => {
          if (!(error instanceof Error && error.message === 'origin down')) this.problems.push(String(error));
        },
      )
      .finally(() => this.reads.delete(read));
    this.reads.add(read);
  }

  private write(key: string, commit: boolean): void {
    const version = (this.versions.get(key) ?? 0) + 1;
    this.versions.set(key, version);
    const change: Change = { kind: 'change', key, version };
    this.log.push(change);
    this.publish(change);
    while (commit && this.log.length > 0) this.commitNext();
  }

  private commitNext(): void {
    const next = this.log.shift();
    if (next?.kind === 'change') this.origin.set(next.key, next.version);
    else if (next !== undefined) this.acknowledgedMs = next.sentMs;
  }

  private publish(message: Message): void {
    for (const { queue } of this.instances) queue.push(message);
    this.dropperQueue.push(message);
  }

  private beat(): void {
    // One after the other, as whoever writes them waits for the commit.
    while (this.log.some(({ kind }) => kind === 'beat')) this.commitNext();
    this.beats += 1;
    const sentMs = this.clock.nowMs() + this.beats / 1e6;
    this.log.push({ kind: 'beat', sentMs });
    this.publish({ kind: 'beat', beat: { source: 's', sentMs, acknowledgedMs: this.acknowledgedMs } });
  }

  private deliver(to: number): void {
    const instance = this.instances[to];
    if (instance === undefined) this.dropNext();
    else this.hear(instance, instance.queue.shift());
  }

  private hear({ cache, freshness, heard, unsettled }: Instance, message: Message | undefined): void {
    const settle = (change: Change): void => {
      cache.drop([change.key], settledVersion(wordOf(change)));
      heard.set(change.key, Math.max(heard.get(change.key) ?? 0, change.version));
    };
    if (message?.kind === 'change') {
      cache.drop([message.key], wordOf(message));
      unsettled.announced(message);
      // Nothing is announced before it can be read where nobody sends heartbeats.
      if (!this.heartbeats) heard.set(message.key, Math.max(heard.get(message.key) ?? 0, message.version));
    } else if (message?.kind === 'beat') {
      unsettled.heard(message.beat).changes.forEach(settle);
      freshness.heard(message.beat, this.clock.nowMs());
    } else if (message?.kind === 'reached') freshness.sharedTierReached(message.progress, this.clock.nowMs());
  }

  /** One message after the other, each repeated until it is done. */
  private dropNext(): void {
    const [message] = this.dropperQueue;
    if (this.dropping !== undefined || message === undefined) return;
    const [again] = this.settling;
    if (again !== undefined) {
      this.tellL2(again.key, settledVersion(wordOf(again)), () => this.settling.shift());
    } else if (message.kind === 'change') {
      this.tellL2(message.key, wordOf(message), () => {
        this.dropperUnsettled.announced(message);
        this.dropperQueue.shift();
      });
    } else if (message.kind === 'beat') {
      this.dropperQueue.shift();
      const { changes, settledMs } = this.dropperUnsettled.heard(message.beat);
      this.settling = changes;
      // Told to the instances when it is done.
      this.dropperQueue.unshift({ kind: 'reached', progress: { ...message.beat, settledMs } });
    } else {
      this.dropperQueue.shift();
      for (const { queue } of this.instances) queue.push(message);
    }
  }

  private tellL2(key: string, version: string, done: () => void): void {
    this.dropping = this.turn('L2', () => this.l2.invalidate(key, version)).then(
      () => {
        done();
        this.dropping = undefined;
      },
      () => (this.dropping = undefined),
    );
  }

  private load(keys: readonly string[]): Promise<(Row | null)[]> {
    return this.turn('origin', async () => keys.map((id) => ({ id, version: this.origin.get(id) ?? 0 })));
  }

  private slowL2(): SharedTier {
    return new Proxy<SharedTier>(this.l2, {
      get: (l2, name) => {
        const method = (Reflect.get(l2, name) as (...args: unknown[]) => Promise<unknown>).bind(l2);
        return (...args: unknown[]) => this.turn('L2', () => method(...args));
      },
    });
  }

  /** Done when its turn comes; the answer takes another turn. It may fail before it is done or after. */
  private async turn<T>(what: 'L2' | 'origin', work: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    const fails = this.fails(what);
    if (fails && this.random() < 0.5) throw new Error(`${what} down`);
    const result = await work();
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (fails) throw new Error(`${what} down`);
    return result;
  }

  private fails(what: 'L2' | 'origin'): boolean {
    if (what === 'L2') return this.l2Failures > 0 && (this.l2Failures -= 1) >= 0;
    return this.originFailures > 0 && (this.originFailures -= 1) >= 0;
  }

  private random(): number {
    this.randomState = (Math.imul(this.randomState, 1_103_515_245) + 12_345) >>> 0;
    return this.randomState / 2 ** 32;
  }
}

async function micro(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
}
