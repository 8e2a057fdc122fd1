import { FrequencySketch, hashOf } from './frequency-sketch';

/** A map that holds at most `maxWeight` and decides itself what to let go. */
export interface BoundedStore<E> {
  /** Counts as a use. */
  get(key: string): E | undefined;
  /** Not a use. */
  peek(key: string): E | undefined;
  set(key: string, entry: E, weight: number): void;
  delete(key: string): void;
  clear(): void;
  readonly size: number;
  readonly weight: number;
}

interface Node<E> {
  readonly key: string;
  entry: E;
  weight: number;
  uses: number;
  /** Aging that `uses` has seen. */
  age: number;
  usedAt: number;
  /** Used since it came into the window. */
  again: boolean;
  /** Place in `main`; in the window WINDOW, gone GONE. */
  place: number;
}

const WINDOW = -1;
const GONE = -2;
const SAMPLE = 16;
const LEAST_WINDOW = 0.01;
const LARGEST_WINDOW = 0.8;
const LEAST_PERIOD = 2_000;

/**
 * Keeps what is used most. New entries pass a small window (used there: once more through it) and then replace, in the main part, the least
 * used of 16 entries picked at random, or go. Uses of what is inside are counted exactly, of what is not by a sketch. Like W-TinyLFU
 * (Einziger, Friedman, Manes 2017), except for three things: victims are sampled, counts are as old as they are true instead of halved every
 * so often, and when the hit rate falls by more than chance the counts are aged and the window grows, until it is stable again.
 * ADR 0022 has the figures. A hit allocates nothing; no timers.
 */
export class FrequencyStore<E> implements BoundedStore<E> {
  weight = 0;
  private readonly nodes = new Map<string, Node<E>>();
  private readonly main: Node<E>[] = [];
  private window: Node<E>[] = [];
  private windowHead = 0;
  private windowGone = 0;
  private windowWeight = 0;
  private windowShare = LEAST_WINDOW;
  private readonly sketch = new FrequencySketch();
  private tick = 0;
  private aging = 0;
  private periodReads = 0;
  private periodHits = 0;
  private usualRate = 0;
  private seed = 1;

  constructor(
    private readonly maxWeight: number,
    private readonly onEvict: () => void,
  ) {}

  get size(): number {
    return this.nodes.size;
  }

  /** Places of the queue that is the window, gaps included: bounded by the entries. */
  get windowPlaces(): number {
    return this.window.length;
  }

  get(key: string): E | undefined {
    this.tick += 1;
    this.periodReads += 1;
    const node = this.nodes.get(key);
    if (node === undefined) {
      if (this.periodReads >= LEAST_PERIOD) this.watch();
      return undefined;
    }
    this.periodHits += 1;
    node.uses = this.usesOf(node) + 1;
    node.usedAt = this.tick;
    node.again = true;
    return node.entry;
  }

  peek(key: string): E | undefined {
    return this.nodes.get(key)?.entry;
  }

  set(key: string, entry: E, weight: number): void {
    const known = this.nodes.get(key);
    if (known !== undefined) {
      this.addWeight(known, weight - known.weight);
      known.weight = weight;
      known.entry = entry;
    } else this.add(key, entry, weight);
    this.trim();
  }

  delete(key: string): void {
    const node = this.nodes.get(key);
    if (node !== undefined) this.remove(node);
  }

  clear(): void {
    for (const node of this.nodes.values()) node.place = GONE;
    this.nodes.clear();
    this.main.length = 0;
    this.window = [];
    this.windowHead = 0;
    this.windowGone = 0;
    this.weight = 0;
    this.windowWeight = 0;
  }

  private add(key: string, entry: E, weight: number): void {
    this.sketch.ensure(this.nodes.size + 1);
    const uses = this.sketch.add(hashOf(key));
    const node = { key, entry, weight, uses, age: this.aging, usedAt: this.tick, again: false, place: WINDOW };
    this.nodes.set(key, node);
    this.window.push(node);
    this.addWeight(node, weight);
  }

  private trim(): void {
    const windowMax = this.maxWeight * this.windowShare;
    const mainMax = this.maxWeight - windowMax;
    while (this.windowWeight > windowMax) this.leaveWindow(mainMax);
    while (this.weight - this.windowWeight > mainMax && this.main.length > 0) this.evict(this.leastUsed());
  }

  /** The oldest entry of the window goes through it once more, into the main part, or away. */
  private leaveWindow(mainMax: number): void {
    const node = this.window[this.windowHead];
    this.windowHead += 1;
    if (this.windowHead > 1_000) this.closeGaps();
    if (node === undefined || node.place !== WINDOW) return;
    if (node.weight > mainMax) {
      this.evict(node);
      return;
    }
    if (node.again) {
      node.again = false;
      this.window.push(node);
      return;
    }
    while (this.weight - this.windowWeight + node.weight > mainMax) {
      if (this.main.length === 0) {
        this.evict(node);
        return;
      }
      const victim = this.leastUsed();
      if (this.usesOf(node) <= this.usesOf(victim)) {
        this.evict(node);
        return;
      }
      this.evict(victim);
    }
    this.windowWeight -= node.weight;
    node.place = this.main.length;
    this.main.push(node);
  }

  private leastUsed(): Node<E> {
    let least = this.anyOfMain();
    for (let tries = 1; tries < SAMPLE; tries += 1) {
      const node = this.anyOfMain();
      const difference = this.usesOf(node) - this.usesOf(least);
      if (difference < 0 || (difference === 0 && node.usedAt < least.usedAt)) least = node;
    }
    return least;
  }

  private anyOfMain(): Node<E> {
    this.seed = (Math.imul(this.seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.main[Math.floor((this.seed / 2 ** 32) * this.main.length)] as Node<E>;
  }

  private usesOf(node: Node<E>): number {
    if (node.age !== this.aging) {
      node.uses >>>= Math.min(this.aging - node.age, 31);
      node.age = this.aging;
    }
    return node.uses;
  }

  private evict(node: Node<E>): void {
    this.sketch.raise(hashOf(node.key), this.usesOf(node));
    this.remove(node);
    this.onEvict();
  }

  private remove(node: Node<E>): void {
    this.nodes.delete(node.key);
    this.addWeight(node, -node.weight);
    if (node.place >= 0) {
      const last = this.main.pop();
      if (last !== undefined && last !== node) {
        last.place = node.place;
        this.main[node.place] = last;
      }
    } else this.windowGone += 1;
    node.place = GONE;
    // The window is a queue: who leaves it from the middle leaves a gap, and gaps must not outnumber entries.
    if (this.windowGone > 100 + this.nodes.size) this.closeGaps();
  }

  private closeGaps(): void {
    this.window = this.window.slice(this.windowHead).filter(({ place }) => place === WINDOW);
    this.windowHead = 0;
    this.windowGone = 0;
  }

  private addWeight(node: Node<E>, weight: number): void {
    this.weight += weight;
    if (node.place === WINDOW) this.windowWeight += weight;
  }

  /** At the end of a period: has what is used changed? Only a cache that is full learns from its misses. */
  private watch(): void {
    if (this.periodReads < this.nodes.size) return;
    const rate = this.periodHits / this.periodReads;
    this.periodReads = 0;
    this.periodHits = 0;
    if (rate < this.usualRate * 0.88 - 0.02) {
      this.aging += 3;
      this.sketch.age(3);
      this.usualRate = rate;
      this.windowShare = Math.min(this.windowShare * 8, LARGEST_WINDOW);
      return;
    }
    this.usualRate = Math.max(rate, this.usualRate * 0.98 + rate * 0.02);
    this.windowShare = Math.max(this.windowShare * 0.95, LEAST_WINDOW);
  }
}
