import { AppError } from '@coupon/domain';
import type { ActivityId, TicketId } from '@coupon/domain';
import type { TicketState } from '@coupon/lua';
import type { Clock, Component } from '@coupon/service-kit';
import type { TicketMetrics } from './ticket-metrics';
import type { TicketSession } from './ticket-session';

/** Somebody who follows one ticket. */
export interface TicketFollower {
  /** The state has changed. False: cannot take it now; it is offered again, or a newer one, after the next reading. */
  changed(state: TicketState): boolean;
  /** Once in a while, when there is nothing to tell. */
  stillThere(): void;
  /** No more will come: the process ends, or the ticket has been forgotten. */
  close(reason: 'shutdown' | 'forgotten'): void;
}

export interface FollowTicketsOptions {
  /** Between two readings of one activity. */
  readonly pollIntervalMs: number;
  readonly heartbeatMs: number;
  /** Followers of this process; beyond that OVERLOADED. */
  readonly maxStreams: number;
}

export interface FollowTicketsDependencies {
  readonly session: () => TicketSession | null;
  readonly clock: Clock;
  readonly metrics: Pick<TicketMetrics, 'failed'>;
}

interface Following {
  readonly ticketId: TicketId;
  readonly follower: TicketFollower;
  /** What it was told last. */
  told: TicketState;
}

interface Watch {
  readonly activityId: ActivityId;
  readonly followings: Set<Following>;
  heartbeatAtMs: number;
  cancel: () => void;
}

/**
 * Tells followers what becomes of their tickets. One timer and one reading per activity and interval serve all of its followers; an activity
 * that nobody follows costs nothing. A position is passed on only when it is better than the one told before.
 */
export class FollowTickets implements Component {
  readonly name = 'ticket streams';
  private readonly watches = new Map<ActivityId, Watch>();
  private size = 0;
  private stopped = false;

  constructor(
    private readonly options: FollowTicketsOptions,
    private readonly deps: FollowTicketsDependencies,
  ) {}

  get streams(): number {
    return this.size;
  }

  /** @throws OVERLOADED when no more followers are taken, NOT_READY when the process is ending. */
  requireRoom(): void {
    if (this.stopped) throw new AppError('NOT_READY', 'this instance is stopping, please try again');
    if (this.size < this.options.maxStreams) return;
    throw new AppError('OVERLOADED', 'too many event streams, please poll the ticket', {
      details: { limit: 'streams', retry_after_ms: 1_000 },
    });
  }

  /** Follows a waiting ticket from what its follower knows until its end. The returned function stops it; it may be called at any time. */
  follow(activityId: ActivityId, ticketId: TicketId, told: TicketState, follower: TicketFollower): () => void {
    this.requireRoom();
    const watch = this.watches.get(activityId) ?? this.open(activityId);
    const following: Following = { ticketId, follower, told };
    watch.followings.add(following);
    this.size += 1;
    return () => {
      this.remove(watch, following);
    };
  }

  /** Ends every stream with a hint to come back: another instance, or the next one, knows the same tickets. */
  stopIntake(): void {
    this.stopped = true;
    for (const watch of [...this.watches.values()]) {
      for (const following of [...watch.followings]) this.end(watch, following, 'shutdown');
    }
  }

  close(): void {
    this.stopIntake();
  }

  private open(activityId: ActivityId): Watch {
    const watch: Watch = {
      activityId,
      followings: new Set(),
      heartbeatAtMs: this.deps.clock.nowMs() + this.options.heartbeatMs,
      cancel: () => undefined,
    };
    this.watches.set(activityId, watch);
    this.schedule(watch);
    return watch;
  }

  private schedule(watch: Watch): void {
    watch.cancel = this.deps.clock.after(this.options.pollIntervalMs, () => {
      void this.poll(watch).finally(() => {
        if (watch.followings.size > 0) this.schedule(watch);
      });
    });
  }

  private remove(watch: Watch, following: Following): void {
    if (!watch.followings.delete(following)) return;
    this.size -= 1;
    if (watch.followings.size > 0) return;
    watch.cancel();
    if (this.watches.get(watch.activityId) === watch) this.watches.delete(watch.activityId);
  }

  private end(watch: Watch, following: Following, reason: 'shutdown' | 'forgotten'): void {
    this.remove(watch, following);
    following.follower.close(reason);
  }

  /** Never rejects. */
  private async poll(watch: Watch): Promise<void> {
    const session = this.deps.session();
    const followings = [...watch.followings];
    const tickets = [...new Set(followings.map((following) => following.ticketId))];
    if (session !== null && tickets.length > 0) {
      try {
        const found = await session.queue.read(watch.activityId, tickets);
        const states = new Map(tickets.map((ticket, i) => [ticket, found[i]?.state ?? null]));
        const tellable = await this.tellable(session, [...states.values()]);
        for (const following of followings) {
          const state = states.get(following.ticketId) ?? null;
          if (state === null || tellable(state)) this.tell(watch, following, state);
        }
      } catch (error) {
        this.deps.metrics.failed('poll', error);
      }
    }
    const nowMs = this.deps.clock.nowMs();
    if (nowMs < watch.heartbeatAtMs) return;
    watch.heartbeatAtMs = nowMs + this.options.heartbeatMs;
    for (const { follower } of watch.followings) follower.stillThere();
  }

  /** In mode `replicated` a win is told when enough replicas have it; until then it is offered again after the next reading. */
  private async tellable(
    { barrier }: TicketSession,
    states: readonly (TicketState | null)[],
  ): Promise<(state: TicketState) => boolean> {
    if (barrier === undefined || !states.some((state) => state?.status === 'WON')) return () => true;
    const kept = await barrier().catch((error: unknown) => {
      this.deps.metrics.failed('replicate', error);
      return false;
    });
    return (state) => kept || state.status !== 'WON';
  }

  private tell(watch: Watch, following: Following, state: TicketState | null): void {
    // It may have gone away while the reading was under way.
    if (!watch.followings.has(following)) return;
    if (state === null) {
      this.end(watch, following, 'forgotten');
      return;
    }
    const { told } = following;
    if (state.status === 'QUEUED' && told.status === 'QUEUED' && state.position >= told.position) return;
    if (!following.follower.changed(state)) return;
    following.told = state;
    if (state.status !== 'QUEUED') this.remove(watch, following);
  }
}
