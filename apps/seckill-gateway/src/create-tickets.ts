import type { NotLoadedCode } from './use-cases/activity-directory';
import type { Registry } from 'prom-client';
import type { ActivityId, ClaimId, TicketId } from '@coupon/domain';
import type { Clock, Logger } from '@coupon/service-kit';
import type { GatewayConfig } from './config';
import { AdmitClaim } from './use-cases/admit-claim.use-case';
import type { AdmitClaimDependencies } from './use-cases/admit-claim.use-case';
import { DecideTickets } from './use-cases/decide-tickets.use-case';
import { EnqueuePurchase } from './use-cases/enqueue-purchase.use-case';
import type { TicketReceiver } from './use-cases/enqueue-purchase.use-case';
import { FollowTickets } from './use-cases/follow-tickets.use-case';
import type { PurchaseTokens } from './use-cases/purchase-token';
import { TicketMetrics } from './use-cases/ticket-metrics';
import type { TicketSession } from './use-cases/ticket-session';

export interface TicketParts {
  readonly admit: AdmitClaim<TicketReceiver>;
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
    readonly tokens: Pick<PurchaseTokens, 'verify'> | null;
    readonly userRate: () => number | undefined;
    readonly whyNotLoaded: (id: ActivityId) => Promise<NotLoadedCode>;
    readonly clock: Clock;
    readonly random: () => number;
    readonly registry: Registry;
    readonly logger: Logger;
    /** What a purchase meets before it is queued: the same as before a claim. */
    readonly admission: Omit<AdmitClaimDependencies<TicketReceiver>, 'desk' | 'metrics'>;
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
    tokens: deps.tokens,
    userRate: deps.userRate,
    breaker: deps.admission.breaker,
    wake: (id) => decide.wake(id),
  });
  const admit = new AdmitClaim<TicketReceiver>({
    ...deps.admission,
    desk: enqueue,
    metrics: { answered: ({ code }) => metrics.enqueued(code) },
  });
  return { admit, decide, follow, session, random: deps.random };
}
