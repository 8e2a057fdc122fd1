import { TicketQueue, passReplicationBarrier } from '@coupon/lua';
import { SharedBarrier } from '../use-cases/shared-barrier';
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
      made = session === null ? null : ticketSession(session);
    }
    return made;
  };
}

function ticketSession({ redis, runId, barrier }: EstablishedSession): TicketSession {
  const queue = new TicketQueue(redis);
  if (barrier === undefined) return { queue, runId };
  const { replicas, waitTimeoutMs } = barrier;
  const shared = new SharedBarrier(() => passReplicationBarrier(redis, replicas, waitTimeoutMs));
  return { queue, runId, barrier: () => shared.passed() };
}
