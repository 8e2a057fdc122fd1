export interface WarmUpProgress {
  readonly total: number;
  /** Keys that were tried. */
  readonly done: number;
  readonly found: number;
  readonly absent: number;
  readonly failed: number;
}

export interface WarmUpOptions<K> {
  /** Keys per call of the loader, 1 to 1000. @default 50 */
  readonly batch?: number;
  readonly onProgress?: (progress: WarmUpProgress) => void;
  /** A batch that could not be read, and why; before the progress that counts it. */
  readonly onFailure?: (keys: readonly K[], error: unknown) => void;
  /** Ends the warm-up after the batch under way. */
  readonly signal?: AbortSignal;
}

/** One batch after the other, hottest first. @throws RangeError for a batch out of range */
export async function warmUp<K>(
  keys: readonly K[],
  read: (keys: readonly K[]) => Promise<readonly { readonly kind: 'found' | 'absent' }[]>,
  { batch = 50, onProgress, onFailure, signal }: WarmUpOptions<K>,
): Promise<WarmUpProgress> {
  if (!(Number.isInteger(batch) && batch >= 1 && batch <= 1000)) throw new RangeError('batch must be 1 to 1000');
  let progress: WarmUpProgress = { total: keys.length, done: 0, found: 0, absent: 0, failed: 0 };
  for (let from = 0; from < keys.length && signal?.aborted !== true; from += batch) {
    const some = keys.slice(from, from + batch);
    progress = { ...progress, ...(await counts(some, read, progress, onFailure)), done: progress.done + some.length };
    onProgress?.(progress);
  }
  return progress;
}

async function counts<K>(
  keys: readonly K[],
  read: (keys: readonly K[]) => Promise<readonly { readonly kind: 'found' | 'absent' }[]>,
  before: WarmUpProgress,
  onFailure: WarmUpOptions<K>['onFailure'],
): Promise<Pick<WarmUpProgress, 'found' | 'absent' | 'failed'>> {
  try {
    const results = await read(keys);
    const found = results.filter(({ kind }) => kind === 'found').length;
    return {
      found: before.found + found,
      absent: before.absent + results.length - found,
      failed: before.failed,
    };
  } catch (error) {
    // A start must not fail for a cold cache; the readers will see the error, and the count tells that there was one.
    onFailure?.(keys, error);
    return { found: before.found, absent: before.absent, failed: before.failed + keys.length };
  }
}
