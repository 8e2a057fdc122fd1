/** Why a claim was not admitted to the queue. */
export type QueueRefusal = 'queue_full' | 'activity_share';

export interface AdmissionSettings {
  /** Claims under way at once, over all activities. */
  readonly maxConcurrent: number;
  /** Claims waiting at once, over all activities. */
  readonly queueSize: number;
  /** A claim that waited longer is refused unsent. */
  readonly deadlineMs: number;
}

interface Share {
  waiting: number;
  active: number;
  blocked: boolean;
}

/** An activity may hold so many times what is still free. */
const ALPHA = 8;

/**
 * The arithmetic of a bounded queue that many activities share; who waits, waits at the caller. An activity may hold at most
 * {@link ALPHA} times the places that are free now: alone it gets 8/9 of them, each of n busy ones 8/(8n+1), and a newcomer always finds
 * some free. (Dynamic thresholds: Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998.)
 * The same rule divides the places under way. Constant time per call.
 *
 * Life of a claim: `tryEnter`, then either `start` and `finish`, or `abandon` (refused while it waited).
 */
export class AdmissionPolicy {
  private readonly shares = new Map<string, Share>();
  private readonly blocked: string[] = [];
  private waitingCount = 0;
  private activeCount = 0;

  constructor(private settings: AdmissionSettings) {}

  /** Activities with claims here. */
  get activities(): number {
    return this.shares.size;
  }

  get waiting(): number {
    return this.waitingCount;
  }

  get active(): number {
    return this.activeCount;
  }

  /** Activities that wait for places under way: so often `nextBlocked` may name one without naming one twice. */
  get inLine(): number {
    return this.blocked.length;
  }

  /** Used share of the queue, from 0 to 1 (above 1 after the queue was made smaller). */
  get queueLoad(): number {
    return this.waitingCount / this.settings.queueSize;
  }

  /** @returns null when the claim may wait. */
  tryEnter(activityId: string): QueueRefusal | null {
    const free = this.settings.queueSize - this.waitingCount;
    if (free <= 0) return 'queue_full';
    const share = this.shares.get(activityId) ?? this.open(activityId);
    if (share.waiting >= ALPHA * free) return 'activity_share';
    share.waiting += 1;
    this.waitingCount += 1;
    return null;
  }

  /**
   * How many of `count` waiting claims of an activity may be sent now; they count as under way from here on. When it is fewer than asked
   * for, `nextBlocked` names the activity after places have become free.
   */
  start(activityId: string, count: number): number {
    const share = this.shares.get(activityId);
    if (share === undefined) return 0;
    const wanted = Math.min(count, share.waiting);
    const free = this.settings.maxConcurrent - this.activeCount;
    // Taking n leaves free - n to others: the rule must hold for the last one taken.
    const room = Math.floor((ALPHA * (free + 1) - share.active) / (ALPHA + 1));
    const admitted = Math.max(0, Math.min(wanted, free, room));
    share.waiting -= admitted;
    share.active += admitted;
    this.waitingCount -= admitted;
    this.activeCount += admitted;
    if (admitted < wanted && !share.blocked) {
      share.blocked = true;
      this.blocked.push(activityId);
    }
    return admitted;
  }

  /** Claims that were under way have their answers. */
  finish(activityId: string, count: number): void {
    const share = this.shares.get(activityId);
    if (share === undefined) return;
    share.active -= count;
    this.activeCount -= count;
    this.closeIfEmpty(activityId, share);
  }

  /** Claims were refused while they waited. */
  abandon(activityId: string, count: number): void {
    const share = this.shares.get(activityId);
    if (share === undefined) return;
    share.waiting -= count;
    this.waitingCount -= count;
    this.closeIfEmpty(activityId, share);
  }

  /** The activity that has waited longest for places under way, once; undefined when there are no places or nobody waits for one. */
  nextBlocked(): string | undefined {
    while (this.blocked.length > 0 && this.activeCount < this.settings.maxConcurrent) {
      const activityId = this.blocked.shift();
      const share = activityId === undefined ? undefined : this.shares.get(activityId);
      if (activityId === undefined || share === undefined) continue;
      share.blocked = false;
      if (share.waiting > 0) return activityId;
      this.closeIfEmpty(activityId, share);
    }
    return undefined;
  }

  /** Whether a claim that waits since `sinceMs` (monotonic) is to be refused. Queues are in order of arrival: look at their head only. */
  isExpired(sinceMs: number, nowMs: number): boolean {
    return nowMs - sinceMs > this.settings.deadlineMs;
  }

  /** Claims that wait or are under way stay, also beyond the new bounds. */
  reconfigure(settings: AdmissionSettings): void {
    this.settings = settings;
  }

  private open(activityId: string): Share {
    const share = { waiting: 0, active: 0, blocked: false };
    this.shares.set(activityId, share);
    return share;
  }

  private closeIfEmpty(activityId: string, share: Share): void {
    // A blocked one is still in line.
    if (share.waiting === 0 && share.active === 0 && !share.blocked) this.shares.delete(activityId);
  }
}
