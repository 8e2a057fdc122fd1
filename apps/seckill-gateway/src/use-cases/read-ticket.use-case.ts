import { AppError, isIdText, isTicketId } from '@coupon/domain';
import type { ActivityId, TicketId, UserId } from '@coupon/domain';
import { UnexpectedReplyError } from '@coupon/lua';
import type { TicketState } from '@coupon/lua';
import type { TicketSession } from './ticket-session';

export interface FoundTicket {
  readonly activityId: ActivityId;
  readonly ticketId: TicketId;
  readonly userId: UserId;
  readonly state: TicketState;
}

/**
 * In mode `replicated` a win is told only when enough replicas have it, whoever decided it. @throws NOT_FOUND for anything that is not a known ticket; NOT_READY while the store cannot be
 * read, or a win is not replicated yet.
 */
export async function readTicket(
  session: () => Pick<TicketSession, 'queue' | 'barrier'> | null,
  text: string,
): Promise<FoundTicket> {
  const dash = text.indexOf('-');
  const activityId = text.slice(0, Math.max(0, dash));
  const ticketId = text.slice(dash + 1);
  if (!isIdText(activityId) || !isTicketId(ticketId)) throw unknownTicket();
  const open = session();
  if (open === null) throw notReady();
  const found = await open.queue.read(activityId as ActivityId, [ticketId]).catch((cause: unknown) => {
    if (cause instanceof UnexpectedReplyError) throw cause;
    throw notReady(cause);
  });
  const ticket = found[0] ?? null;
  if (ticket === null) throw unknownTicket();
  if (ticket.state.status === 'WON' && open.barrier !== undefined) {
    const kept = await open.barrier().catch((cause: unknown) => {
      throw notReady(cause);
    });
    if (!kept) throw notReady();
  }
  return { activityId: activityId as ActivityId, ticketId, ...ticket };
}

export function unknownTicket(): AppError {
  return new AppError('NOT_FOUND', 'no such ticket', { details: { field: 'ticket' } });
}

function notReady(cause?: unknown): AppError {
  return new AppError('NOT_READY', 'the claim store is not ready, please try again', {
    details: { retry_after_ms: 1_000 },
    ...(cause === undefined ? {} : { cause }),
  });
}
