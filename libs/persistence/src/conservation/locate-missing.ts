import type { ConservationReading, LocatedRange, MissingPlace, PipelineObservation } from './conservation-reading';

export interface LocatedMissing {
  readonly counts: Readonly<Record<MissingPlace, number>>;
  /** `nowhere` first, then by number. */
  readonly ranges: readonly LocatedRange[];
}

/** A missing event younger than this is on its way. */
export const LOST_AFTER_MS = 30_000;
/** An observation of the queue older than this says nothing any more. */
export const OBSERVATION_FRESH_MS = 10_000;
/** A worker that fell silent with messages in hand may still hold them for so long. */
const SILENT_HOLDER_MS = 60_000;

export function locateMissing(reading: ConservationReading): LocatedMissing {
  const { ledger, outbox, before } = reading;
  const dead = new Set(ledger.deadLettered);
  const replayed = new Set(ledger.justReplayed);
  const suspect = (seq: number): boolean =>
    reading.suspects?.some((range) => range.where === 'nowhere' && range.from <= seq && seq <= range.to) ?? true;
  const depth = queueDepth(reading.pipeline, reading.nowMs);
  const clockMs = before?.nowMs ?? reading.nowMs;
  const counts: Record<MissingPlace, number> = { nowhere: 0, dead_lettered: 0, outbox: 0, queue: 0, unknown: 0 };
  const ranges: LocatedRange[] = [];
  let examined = 0;
  for (const gap of ledger.missing.gaps) {
    const youngest = gap.nextStoredAtMs ?? before?.lastEventMs ?? clockMs;
    const old = clockMs - youngest >= LOST_AFTER_MS;
    const elsewhere: MissingPlace = depth === null ? 'unknown' : old && depth === 0 ? 'nowhere' : 'queue';
    for (let seq = gap.from; seq <= gap.to; seq += 1) {
      const where = outbox.has(seq)
        ? 'outbox'
        : dead.has(seq)
          ? 'dead_lettered'
          : elsewhere === 'nowhere' && (replayed.has(seq) || !suspect(seq))
            ? 'queue'
            : elsewhere;
      counts[where] += 1;
      append(ranges, seq, where);
    }
    examined += gap.to - gap.from + 1;
  }
  // Gaps beyond the limit of the query: counted, not placed.
  const rest = ledger.missing.count - examined;
  if (rest > 0) counts[depth === null ? 'unknown' : 'queue'] += rest;
  return { counts, ranges: ranges.sort(lostFirst) };
}

/** Messages in the queue and in consumers' hands; null when it is not known. */
export function queueDepth(pipeline: readonly PipelineObservation[], nowMs: number): number | null {
  const fresh = pipeline.filter((seen) => nowMs - seen.atMs < OBSERVATION_FRESH_MS);
  if (fresh.length === 0) return null;
  const silentHolder = pipeline.some(
    (seen) => !fresh.includes(seen) && seen.unacked > 0 && nowMs - seen.atMs < SILENT_HOLDER_MS,
  );
  if (silentHolder) return null;
  const ready = Math.max(...fresh.map((seen) => seen.queueReady));
  return ready + fresh.reduce((sum, seen) => sum + seen.unacked, 0);
}

function append(ranges: LocatedRange[], seq: number, where: MissingPlace): void {
  const last = ranges[ranges.length - 1];
  if (last && last.to === seq - 1 && last.where === where) ranges[ranges.length - 1] = { ...last, to: seq };
  else ranges.push({ from: seq, to: seq, where });
}

function lostFirst(a: LocatedRange, b: LocatedRange): number {
  return Number(b.where === 'nowhere') - Number(a.where === 'nowhere') || a.from - b.from;
}
