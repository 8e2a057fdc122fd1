import type { ActivityId, TicketId } from '@coupon/domain';
import type { TicketQueue } from '@coupon/lua';

/** The queue of tickets behind an examined connection; claims and tickets carry its run id (invariant 9). */
export interface TicketSession {
  readonly queue: Pick<TicketQueue, 'enqueue' | 'decide' | 'read' | 'register' | 'registered' | 'forget'>;
  readonly runId: string;
  /** Present in mode `replicated`: whether enough replicas have everything that happened before the call, whoever did it. */
  readonly barrier?: () => Promise<boolean>;
}

/** A ticket as clients name it: `<activity id>-<26 characters>`, so that nobody has to search for its activity. */
export function ticketText(activityId: ActivityId, ticketId: TicketId): string {
  return `${activityId}-${ticketId}`;
}
