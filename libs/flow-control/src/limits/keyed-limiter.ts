import { toDecision, waitMsOf } from './decision';
import type { LimitDecision, LimitName } from './decision';
import { requireWhole } from './limit-rule';
import type { LimitRule, MonotonicClock } from './limit-rule';

const FIRST_SLOTS = 256;
const EXAMINED = 8;

/**
 * The same limit for many keys (addresses, activities) in this process, at most `maxKeys` of them. A known key costs one map lookup and no
 * allocation. For a new key a hand examines the next {@link EXAMINED} slots: keys whose limit is fully restored are forgotten, which changes
 * no answer. If all slots are in use by keys that are not, the one of the examined keys that was seen longest ago is forgotten
 * (`forgottenInUse` counts them): then memory is bounded and that key starts afresh. After Redis' sampled LRU.
 */
export class KeyedLimiter<Settings> {
  /** Keys forgotten although something of their limit was used. */
  forgottenInUse = 0;
  private readonly slots = new Map<string, number>();
  private readonly free: number[] = [];
  private keys: (string | undefined)[] = [];
  private state: Float64Array;
  private seen: Float64Array;
  private used = 0;
  private hand = 0;

  constructor(
    private readonly rule: LimitRule<Settings>,
    private readonly nowMs: MonotonicClock,
    private readonly maxKeys: number,
  ) {
    requireWhole('maxKeys', maxKeys, 10_000_000);
    const first = Math.min(FIRST_SLOTS, maxKeys);
    this.state = new Float64Array(first * rule.width);
    this.seen = new Float64Array(first);
  }

  /** Keys remembered now. */
  get size(): number {
    return this.slots.size;
  }

  /** @returns 0 when granted, or the milliseconds to wait (at least 1; Infinity: never). */
  tryTake(key: string, permits = 1): number {
    const nowUs = Math.floor(this.nowMs() * 1_000);
    const slot = this.slots.get(key) ?? this.admit(key, nowUs);
    this.seen[slot] = nowUs;
    return waitMsOf(this.rule.take(this.state, slot * this.rule.width, nowUs, permits));
  }

  giveBack(key: string, permits = 1): void {
    const slot = this.slots.get(key);
    if (slot !== undefined) this.rule.giveBack(this.state, slot * this.rule.width, permits);
  }

  decide(limit: LimitName, key: string, permits = 1): LimitDecision {
    return toDecision(limit, this.tryTake(key, permits));
  }

  /** Another limit for every key from now on; what was used stays used. Visits every key. @throws RangeError that names the setting. */
  reconfigure(next: Settings): void {
    this.rule.validate(next);
    const nowUs = Math.floor(this.nowMs() * 1_000);
    for (const slot of this.slots.values()) this.rule.carryOver(this.state, slot * this.rule.width, nowUs, next);
    this.rule.apply(next);
  }

  private admit(key: string, nowUs: number): number {
    const oldest = this.examine(nowUs);
    let slot = this.free.pop();
    if (slot === undefined && this.used < this.maxKeys) {
      slot = this.used;
      this.used += 1;
      if (slot >= this.seen.length) this.grow();
    }
    if (slot === undefined) {
      this.forgottenInUse += 1;
      this.forget(oldest);
      slot = this.free.pop() ?? oldest;
    }
    this.slots.set(key, slot);
    this.keys[slot] = key;
    return slot;
  }

  /** Forgets the idle keys among the next few slots. @returns the slot among them that was seen longest ago. */
  private examine(nowUs: number): number {
    let oldest = 0;
    let oldestSeen = Infinity;
    for (let i = 0; i < EXAMINED && i < this.used; i += 1) {
      const slot = this.hand;
      this.hand = (this.hand + 1) % this.used;
      if (this.keys[slot] === undefined) continue;
      if (this.rule.isIdle(this.state, slot * this.rule.width, nowUs)) this.forget(slot);
      else if ((this.seen[slot] ?? 0) < oldestSeen) {
        oldest = slot;
        oldestSeen = this.seen[slot] ?? 0;
      }
    }
    return oldest;
  }

  private forget(slot: number): void {
    const key = this.keys[slot];
    if (key === undefined) return;
    this.slots.delete(key);
    this.keys[slot] = undefined;
    this.state.fill(0, slot * this.rule.width, (slot + 1) * this.rule.width);
    this.free.push(slot);
  }

  private grow(): void {
    const size = Math.min(this.seen.length * 2, this.maxKeys);
    const state = new Float64Array(size * this.rule.width);
    state.set(this.state);
    const seen = new Float64Array(size);
    seen.set(this.seen);
    this.state = state;
    this.seen = seen;
  }
}
