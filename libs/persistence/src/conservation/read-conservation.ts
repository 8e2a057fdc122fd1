import type { ActivityId } from '@coupon/domain';
import type { PrismaClient } from '../generated/client';
import { assembleConservation } from './assemble-conservation';
import type { ConservationReport } from './assemble-conservation';
import type { ConservationReading, PipelineObservation, StockReading } from './conservation-reading';
import { LOST_AFTER_MS, OBSERVATION_FRESH_MS, locateMissing } from './locate-missing';
import { readLedger } from './read-ledger';

/** The places outside MySQL. Instances of libs/lua and a hash in Redis, in the apps; anything in tests. */
export interface ConservationSources {
  /** One atomic reading; null when the activity is not loaded. */
  readonly snapshot: (activityId: ActivityId) => Promise<StockReading | null>;
  /** Sequence numbers still in the outbox. */
  readonly outboxSequences: (activityId: ActivityId) => Promise<ReadonlySet<number>>;
  /** What each worker last saw of the queue. */
  readonly pipeline: () => Promise<readonly PipelineObservation[]>;
  /** Epoch milliseconds by the clock of the observations. */
  readonly nowMs: () => number | Promise<number>;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface ReadConservationOptions {
  /** How long a suspicion waits for a newer look at the queue. @default 5_000 */
  readonly confirmWithinMs?: number;
}

const MAX_GAPS = 1_000;
/** So much later than the beginning of the first look an observation must have begun: the look takes its time. */
const FIRST_LOOK_MS = 1_000;
const POLL_MS = 200;

/**
 * The conservation report (design invariant 8). Reads along the way of an event: Redis, outbox, queue, dead letters, MySQL last, so that
 * an event that moves meanwhile is seen somewhere. A suspicion is looked at twice, the second time with an observation of the queue that
 * is newer than the first look at the outbox; if none comes, the verdict is "unverified", never "violation".
 * @returns null when MySQL does not know the activity.
 */
export async function readConservation(
  prisma: PrismaClient,
  sources: ConservationSources,
  activityId: ActivityId,
  options: ReadConservationOptions = {},
): Promise<ConservationReport | null> {
  const startedMs = await sources.nowMs();
  const first = await readOnce(prisma, sources, activityId);
  if (first === null) return null;
  const report = assembleConservation(first);
  if (report.verdict !== 'violation') return report;
  const watched = await newerObservation(sources, startedMs, options.confirmWithinMs ?? 5_000);
  const second = await readOnce(prisma, sources, activityId);
  if (second === null) return null;
  // Without a newer look at the queue a missing event cannot be called lost; what Redis or MySQL contradict by themselves still counts.
  const suspects = locateMissing(first).ranges;
  return assembleConservation({ ...second, suspects, ...(watched ? {} : { pipeline: [] }) });
}

async function readOnce(
  prisma: PrismaClient,
  sources: ConservationSources,
  activityId: ActivityId,
): Promise<ConservationReading | null> {
  const before = await sources.snapshot(activityId);
  const outbox = await sources.outboxSequences(activityId);
  const pipeline = await sources.pipeline();
  const ledger = await readLedger(prisma, activityId, {
    upTo: before?.eventSeq ?? null,
    maxGaps: MAX_GAPS,
    replayGraceMs: LOST_AFTER_MS,
  });
  if (ledger === null) return null;
  const after = await sources.snapshot(activityId);
  return { activityId, before, outbox, pipeline, ledger, after, nowMs: await sources.nowMs() };
}

/** True once every worker that is alive has looked at the queue again after `sinceMs`. */
async function newerObservation(sources: ConservationSources, sinceMs: number, withinMs: number): Promise<boolean> {
  const deadline = (await sources.nowMs()) + withinMs;
  for (;;) {
    const pipeline = await sources.pipeline();
    const nowMs = await sources.nowMs();
    const alive = pipeline.filter((seen) => nowMs - seen.atMs < OBSERVATION_FRESH_MS);
    if (alive.length > 0 && alive.every((seen) => seen.atMs >= sinceMs + FIRST_LOOK_MS)) return true;
    if (nowMs >= deadline) return false;
    await sources.sleep(POLL_MS);
  }
}
