import type { Outbox } from './outbox';

const STEP = 1_000;
/** A round ends after so many steps also when more is left. */
const MAX_STEPS = 100;

/** Removes what was published before the retention, in steps that each hold few locks. @returns how many */
export async function pruneOutbox(
  outbox: Pick<Outbox, 'prune'>,
  retentionMs: number,
  stopped: () => boolean,
): Promise<number> {
  let removed = 0;
  for (let step = 0; step < MAX_STEPS && !stopped(); step += 1) {
    const count = await outbox.prune({ retentionMs, limit: STEP });
    removed += count;
    if (count < STEP) break;
  }
  return removed;
}
