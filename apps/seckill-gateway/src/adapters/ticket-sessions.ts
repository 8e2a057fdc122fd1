import { TicketQueue } from '@coupon/lua';
import type { TicketSession } from '../use-cases/ticket-session';
import type { EstablishedSession } from './claim-session';

/** The queue of tickets on the claim connection: one object per connection, so that a new connection is seen as such. */
export function ticketSessions(current: () => EstablishedSession | null): () => TicketSession | null {
  let of: EstablishedSession | null = null;
  let made: TicketSession | null = null;
  return () => {
    const session = current();
    if (session !== of) {
      of = session;
      made = session === null ? null : { queue: new TicketQueue(session.redis), runId: session.runId };
    }
    return made;
  };
}
