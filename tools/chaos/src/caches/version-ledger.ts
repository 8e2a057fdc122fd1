/** A read of a value that carries its version. Times are of the machine's monotonic clock, in milliseconds. */
export interface VersionedRead {
  readonly key: string;
  /** 0: there was none. */
  readonly version: number;
  readonly beganMs: number;
}

interface History {
  /** Rising in both. */
  readonly versions: number[];
  readonly committedMs: number[];
  attempted: number;
  readonly undone: Set<number>;
}

/** What was committed, and when at the latest: the truth that reads are held to. One writer per key, versions rise. */
export class VersionLedger {
  readonly #histories = new Map<string, History>();

  /** Before the commit is sent: from then on the version may be read. */
  attempted(key: string, version: number): void {
    this.#of(key).attempted = version;
  }

  /** @param atMs when the commit was answered, or found to have happened */
  committed(key: string, version: number, atMs: number): void {
    const history = this.#of(key);
    history.attempted = Math.max(history.attempted, version);
    history.versions.push(version);
    history.committedMs.push(atMs);
  }

  /** The commit has not happened, and never will. */
  undone(key: string, version: number): void {
    this.#of(key).undone.add(version);
  }

  /** For how long something newer had been committed when the read began, ms; 0 or less: it was not stale. */
  ageMs({ key, version, beganMs }: VersionedRead): number {
    const { versions, committedMs } = this.#of(key);
    let index = versions.length;
    while (index > 0 && (versions[index - 1] ?? 0) > version) index -= 1;
    return index === versions.length ? 0 : Math.max(0, beganMs - (committedMs[index] ?? Infinity));
  }

  /** False for a version that was never written, or whose transaction was rolled back. */
  isPossible({ key, version }: Pick<VersionedRead, 'key' | 'version'>): boolean {
    const { attempted, undone } = this.#of(key);
    return version <= attempted && !undone.has(version);
  }

  #of(key: string): History {
    const known = this.#histories.get(key);
    if (known !== undefined) return known;
    const history = { versions: [], committedMs: [], attempted: 0, undone: new Set<number>() };
    this.#histories.set(key, history);
    return history;
  }
}
