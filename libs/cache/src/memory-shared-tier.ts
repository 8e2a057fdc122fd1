import type { LeaseOutcome, SharedEntry, SharedGeneration, SharedTier, SharedValue } from './tier';

interface Slot {
  readonly generation: string;
  readonly versions: readonly string[];
  readonly value: SharedValue | undefined;
  readonly endsAtMs: number;
}

export interface MemorySharedTierOptions {
  readonly nowMs: () => number;
  /** @default 10000 */
  readonly markMs?: number;
}

/** L2 in this process, for tests and for one process without Redis: the rules of the scripts in libs/lua, held to them by one suite. */
export class MemorySharedTier implements SharedTier {
  private readonly slots = new Map<string, Slot>();
  private readonly leases = new Map<string, { readonly token: string; readonly endsAtMs: number }>();
  private readonly nowMs: () => number;
  private readonly markMs: number;
  private tokens = 0;
  private runs = 1;

  constructor({ nowMs, markMs = 10_000 }: MemorySharedTierOptions) {
    this.nowMs = nowMs;
    this.markMs = markMs;
  }

  /** A restart that loses everything. */
  restart(): void {
    this.slots.clear();
    this.leases.clear();
    this.runs += 1;
  }

  async read(key: string): Promise<SharedEntry | undefined> {
    return entryOf(this.slot(key));
  }

  async readMany(keys: readonly string[]): Promise<(SharedEntry | undefined)[]> {
    return keys.map((key) => entryOf(this.slot(key)));
  }

  async begin(key: string): Promise<SharedGeneration> {
    return this.mark(key);
  }

  async lease(key: string, leaseMs: number, rejected?: string): Promise<LeaseOutcome> {
    const slot = this.slot(key);
    const entry = entryOf(slot);
    if (entry !== undefined && entry.generation !== rejected) return { kind: 'value', entry };
    if (slot?.value !== undefined) this.slots.delete(key);
    const generation = this.mark(key, slot?.versions);
    const holder = this.leases.get(key);
    const now = this.nowMs();
    if (holder !== undefined && holder.endsAtMs > now)
      return { kind: 'taken', generation, forMs: holder.endsAtMs - now };
    const leaseToken = this.token();
    this.leases.set(key, { token: leaseToken, endsAtMs: now + leaseMs });
    return { kind: 'granted', generation: { ...generation, leaseToken } };
  }

  async fill(key: string, generation: SharedGeneration, value: SharedValue, ttlMs: number): Promise<boolean> {
    await this.abandon(key, generation);
    const slot = this.slot(key);
    if (slot === undefined || slot.value !== undefined) return false;
    if (slot.generation !== generation.generation || generation.run !== String(this.runs)) return false;
    this.slots.set(key, { ...slot, value, endsAtMs: this.nowMs() + ttlMs });
    return true;
  }

  async abandon(key: string, { leaseToken }: SharedGeneration): Promise<void> {
    if (leaseToken !== null && this.leases.get(key)?.token === leaseToken) this.leases.delete(key);
  }

  async invalidate(key: string, version: string): Promise<void> {
    const known = this.slot(key)?.versions ?? [];
    if (known.includes(version)) return;
    this.slots.set(key, {
      generation: this.token(),
      versions: [version, ...known].slice(0, 4),
      value: undefined,
      endsAtMs: this.nowMs() + this.markMs,
    });
    this.leases.delete(key);
  }

  async invalidateAll(version: string): Promise<void> {
    for (const key of [...this.slots.keys()]) await this.invalidate(key, version);
  }

  private mark(key: string, versions: readonly string[] = []): SharedGeneration {
    const slot = this.slot(key);
    const endsAtMs = this.nowMs() + this.markMs;
    const next =
      slot !== undefined && slot.value === undefined
        ? { ...slot, endsAtMs }
        : { generation: this.token(), versions: slot?.versions ?? versions, value: undefined, endsAtMs };
    // A value that is begun upon anew stays; the generation then stands for nothing and its fill is refused.
    if (slot?.value === undefined) this.slots.set(key, next);
    return { run: String(this.runs), generation: next.generation, leaseToken: null };
  }

  private slot(key: string): Slot | undefined {
    const slot = this.slots.get(key);
    if (slot === undefined || slot.endsAtMs > this.nowMs()) return slot;
    this.slots.delete(key);
    return undefined;
  }

  private token(): string {
    this.tokens += 1;
    return `g${this.tokens}`;
  }
}

function entryOf(slot: Slot | undefined): SharedEntry | undefined {
  if (slot?.value === undefined) return undefined;
  return { ...slot.value, generation: slot.generation, versions: slot.versions };
}
