import type { SharedTier } from '@coupon/cache';
import type { Repeater } from './repeater';
import type { TableKeys } from './table-keys';

/** A cache's part in L2 and what its keys depend on. */
export interface SharedCache {
  readonly name: string;
  readonly tier: Pick<SharedTier, 'invalidate' | 'invalidateAll'>;
  readonly tables: readonly TableKeys[];
}

/** What a change means for one cache: keys, or with null all of them. */
export interface L2Drop {
  readonly cache: SharedCache;
  readonly keys: readonly string[] | null;
  readonly version: string;
}

export interface L2InvalidationsOptions {
  readonly repeater: Repeater;
  /** How long an L2 that is away is waited for. */
  readonly patienceMs: number;
  readonly onDropped: (what: 'keys' | 'caches', count: number) => void;
}

const AT_ONCE = 256;
/** L2 remembers no more of a key. */
const MOST_VERSIONS = 4;

/** Tells L2 of many changes at once, and goes on until it has taken them. */
export class L2Invalidations {
  constructor(private readonly options: L2InvalidationsOptions) {}

  /** @throws OutOfPatience when L2 is away; Error when the messages are somebody else's now, or it is time to stop */
  async drop(drops: readonly L2Drop[], versionOf: (version: string) => string, lost: AbortSignal): Promise<void> {
    const whole = new Map<SharedCache, string>();
    const single = new Map<SharedCache, Map<string, string[]>>();
    for (const { cache, keys, version } of drops) {
      if (keys === null) whole.set(cache, versionOf(version));
      const versions = single.get(cache) ?? new Map<string, string[]>();
      single.set(cache, versions);
      for (const key of keys ?? []) {
        const known = versions.get(key);
        if (known === undefined) versions.set(key, [versionOf(version)]);
        else known.push(versionOf(version));
      }
    }
    for (const [cache, version] of whole) await this.dropAll(cache, version, lost);
    for (const [cache, keys] of single) await this.dropKeys(cache, [...keys], lost);
  }

  private async dropAll({ tier }: SharedCache, version: string, lost: AbortSignal): Promise<void> {
    const { onDropped, patienceMs, repeater } = this.options;
    await repeater.untilDone(() => tier.invalidateAll(version), lost, patienceMs);
    onDropped('caches', 1);
  }

  private async dropKeys(
    { tier }: SharedCache,
    keys: readonly (readonly [key: string, versions: readonly string[]])[],
    lost: AbortSignal,
  ): Promise<void> {
    const { onDropped, patienceMs, repeater } = this.options;
    for (let from = 0; from < keys.length; from += AT_ONCE) {
      const some = keys.slice(from, from + AT_ONCE);
      await Promise.all(
        some.map(async ([key, versions]) => {
          // One after the other: L2 remembers all of them, the last one longest.
          for (const version of versions.slice(-MOST_VERSIONS))
            await repeater.untilDone(() => tier.invalidate(key, version), lost, patienceMs);
        }),
      );
      onDropped('keys', some.length);
    }
  }
}
