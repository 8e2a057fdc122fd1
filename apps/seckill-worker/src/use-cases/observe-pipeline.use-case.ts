import type { Logger } from '@coupon/service-kit';

/** What one worker sees of the work queue. */
export interface PipelineObservation {
  /** When it began to look, by the board's clock. */
  readonly at_ms: number;
  /** Messages in the queue that nobody holds. */
  readonly queue_ready: number;
  /** Deliveries this worker holds. */
  readonly unacked: number;
  /** Batches its relay has taken out of an outbox and not settled. */
  readonly relaying: number;
}

export interface PipelineBoard {
  /** The one clock for observations: workers' own may differ by more than an observation is worth. */
  nowMs(): Promise<number>;
  write(instance: string, observation: PipelineObservation): Promise<void>;
  read(): Promise<ReadonlyMap<string, PipelineObservation>>;
  remove(instances: readonly string[]): Promise<void>;
}

export interface ObservePipelineOptions {
  readonly board: PipelineBoard;
  readonly instance: string;
  readonly logger: Logger;
  /** Messages ready in the work queue; null when it does not exist. */
  readonly queueReady: () => Promise<number | null>;
  readonly unacked: () => number;
  readonly relaying: () => number;
}

/** Readers trust a silent worker's last word for a minute; after two nobody needs it. */
const FORGET_AFTER_MS = 120_000;
/** A dead worker's messages are back in the queue long before. */
const SILENT_HOLDER_MS = 15_000;

/** Publishes what this worker knows of the queue: the conservation report needs it to tell an event on its way from a lost one. */
export class ObservePipeline {
  constructor(private readonly options: ObservePipelineOptions) {}

  async execute(): Promise<PipelineObservation> {
    const { board, instance, queueReady, unacked, relaying } = this.options;
    const atMs = await board.nowMs();
    // Held before ready: a message that is handed to us between the two readings is then counted twice, not overlooked.
    const relayed = relaying();
    const heldBefore = unacked();
    const ready = (await queueReady()) ?? 0;
    const observation = {
      at_ms: atMs,
      queue_ready: ready,
      unacked: Math.max(heldBefore, unacked()),
      relaying: relayed,
    };
    await board.write(instance, observation);
    const seen = await board.read();
    const gone = [...seen].filter(([, { at_ms }]) => atMs - at_ms > FORGET_AFTER_MS).map(([name]) => name);
    if (gone.length > 0) await board.remove(gone);
    return observation;
  }
}

/** An observation older than this says nothing about the queue any more. */
const FRESH_MS = 5_000;

/**
 * True when nothing is on its way to MySQL: every living worker has looked again since `sinceMs` and saw an empty queue and empty hands, and
 * none fell silent lately with something in hand.
 */
export function pipelineIsEmpty(
  seen: ReadonlyMap<string, PipelineObservation>,
  sinceMs: number,
  nowMs: number,
): boolean {
  const observations = [...seen.values()];
  const fresh = observations.filter(({ at_ms }) => nowMs - at_ms <= FRESH_MS);
  const silentHolder = observations.some(
    (one) => !fresh.includes(one) && one.unacked + one.relaying > 0 && nowMs - one.at_ms < SILENT_HOLDER_MS,
  );
  const empty = (one: PipelineObservation): boolean => one.queue_ready === 0 && one.unacked === 0 && one.relaying === 0;
  return fresh.length > 0 && !silentHolder && fresh.every((one) => one.at_ms >= sinceMs && empty(one));
}
