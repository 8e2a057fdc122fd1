export type Awaitable<T> = T | Promise<T>;

/**
 * What a level below the origin promises, in process (L1) or shared (L2):
 * a value is stored only under a generation that was begun before its origin was read, and only while nobody has invalidated the key since.
 * `E` is what is read, `W` what is written, `G` a generation; it must go to `fill` or `abandon`.
 */
export interface CacheTier<E, W, G> {
  read(key: string): Awaitable<E | undefined>;
  begin(key: string): Awaitable<G>;
  /** @returns false when the key was invalidated since `begin`: nothing is stored then. */
  fill(key: string, generation: G, value: W, ttlMs: number): Awaitable<boolean>;
  abandon(key: string, generation: G): Awaitable<void>;
  /** `version`: one word, the same wherever this change is heard of, and of no other change. */
  invalidate(key: string, version: string): Awaitable<void>;
}

/** A value in its encoded form. */
export interface SharedValue {
  readonly codecVersion: number;
  /** Null: the origin has no such value. */
  readonly payload: string | null;
}

export interface SharedEntry extends SharedValue {
  readonly generation: string;
  /** The last changes this value is known to come after. */
  readonly versions: readonly string[];
}

export interface SharedGeneration {
  /** Of the run of the server it was begun in. */
  readonly run: string;
  readonly generation: string;
  /** Null when somebody else has the lease, or none was wanted. */
  readonly leaseToken: string | null;
}

export type LeaseOutcome =
  | { readonly kind: 'value'; readonly entry: SharedEntry }
  | { readonly kind: 'granted'; readonly generation: SharedGeneration }
  /** `forMs`: the longest that the holder keeps it. */
  | { readonly kind: 'taken'; readonly generation: SharedGeneration; readonly forMs: number };

/** L2. Every method rejects when the server does not answer; whether a change took place is unknown then. */
export interface SharedTier extends CacheTier<SharedEntry, SharedValue, SharedGeneration> {
  readMany(keys: readonly string[]): Promise<(SharedEntry | undefined)[]>;
  /**
   * Asks to be the one who loads. A value that has come meanwhile is returned, unless it is the `rejected` one.
   * @param rejected generation of a value that was read and cannot be used
   */
  lease(key: string, leaseMs: number, rejected?: string): Promise<LeaseOutcome>;
  /** Every key of this cache; takes as long as there are keys. May be repeated. */
  invalidateAll(version: string): Promise<void>;
}
