import type { NotLoadedCode } from './use-cases/activity-directory';
import type { Registry } from 'prom-client';
import type { ActivityId, ClaimId, TicketId } from '@coupon/domain';
import type { Clock, Logger } from '@coupon/service-kit';
import type { GatewayConfig } from './config';
import { DecideTickets } from './use-cases/decide-tickets.use-case';
import { EnqueuePurchase } from './use-cases/enqueue-purchase.use-case';
import { FollowTickets } from './use-cases/follow-tickets.use-case';
import { TicketMetrics } from './use-cases/ticket-metrics';
import type { TicketSession } from './use-cases/ticket-session';

export interface TicketParts {
  readonly enqueue: EnqueuePurchase;
  readonly decide: DecideTickets;
  readonly follow: FollowTickets;
  readonly session: () => TicketSession | null;
  readonly random: () => number;
}

/** The asynchronous purchase, put together; `decide` and `follow` are components of the lifecycle. */
export function createTickets(
  options: GatewayConfig['tickets'],
  deps: {
    readonly session: () => TicketSession | null;
    readonly mintClaimId: (nowMs: number) => ClaimId;
    readonly whyNotLoaded: (id: ActivityId) => Promise<NotLoadedCode>;
    readonly clock: Clock;
    readonly random: () => number;
    readonly registry: Registry;
    readonly logger: Logger;
  },
): TicketParts {
  const { session, clock } = deps;
  const metrics: TicketMetrics = new TicketMetrics(deps.registry, deps.logger, clock, () => follow.streams);
  const follow = new FollowTickets(options, { session, clock, metrics });
  const decide = new DecideTickets(options, { session, clock, metrics });
  const enqueue = new EnqueuePurchase(options, {
    session,
    metrics,
    mintClaimId: deps.mintClaimId,
    mintTicketId: (nowMs) => deps.mintClaimId(nowMs) as string as TicketId,
    nowMs: () => clock.nowMs(),
    whyNotLoaded: deps.whyNotLoaded,
    wake: (id) => decide.wake(id),
  });
  return { enqueue, decide, follow, session, random: deps.random };
}
