import type { AdminDatabase } from './ports';

export interface PruneDeps {
  readonly database: {
    readonly idempotency: Pick<AdminDatabase['idempotency'], 'prune'>;
    readonly operations: Pick<AdminDatabase['operations'], 'prune'>;
  };
  /** How long answers are kept for repeated keys. */
  readonly keepKeysMs: number;
  /** How long finished operations are kept; not shorter, because a remembered key may name one. */
  readonly keepOperationsMs: number;
}

const PAGE = 1_000;
/** Rows of one table and round: a million. What is left waits for the next round. */
const MAX_PAGES = 1_000;

/** One round of housekeeping: removes what nobody asks for any more, in pages, so that no statement holds many rows for long. */
export async function prune(deps: PruneDeps, stopped: () => boolean = () => false): Promise<void> {
  const { database, keepKeysMs, keepOperationsMs } = deps;
  const keysDone = await untilShort(() => database.idempotency.prune(keepKeysMs, PAGE), stopped);
  // Keys first: one that is still there must find the operation it names.
  if (keysDone) await untilShort(() => database.operations.prune(keepOperationsMs, PAGE), stopped);
}

/** @returns false when something may be left. */
async function untilShort(page: () => Promise<number>, stopped: () => boolean): Promise<boolean> {
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    if (stopped()) return false;
    if ((await page()) < PAGE) return true;
  }
  return false;
}
