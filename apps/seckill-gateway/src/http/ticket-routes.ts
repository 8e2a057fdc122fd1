import type { Request, Response } from 'express';
import { authenticateHttp, identityOf, requireMayRead, route } from '@coupon/service-kit';
import type { Authenticator, Logger, Route } from '@coupon/service-kit';
import type { ClaimAnswer, ClaimTaker } from '../use-cases/claim-answer';
import type { TicketReceiver } from '../use-cases/enqueue-purchase.use-case';
import type { FollowTickets } from '../use-cases/follow-tickets.use-case';
import { readTicket } from '../use-cases/read-ticket.use-case';
import type { FoundTicket } from '../use-cases/read-ticket.use-case';
import { ticketText } from '../use-cases/ticket-session';
import type { TicketSession } from '../use-cases/ticket-session';
import { claimReply, errorReply } from './claim-reply';
import { PURCHASE_PATH, purchase } from './purchase';
import type { PurchaseReceiver } from './purchase';
import { purchaseInput, send } from './purchase-handler';
import type { HttpPurchaseDependencies } from './purchase-handler';
import { STREAM_HEADERS, TicketStream } from './ticket-stream';
import { ticketView } from './ticket-view';

const TICKETS_PATH = '/api/v1/seckill/tickets';
const RETRY_MS = 1_000;
/** After the end of a ticket there is nothing to come back for: 204 tells an EventSource to stay away. */
const TERMINAL_EVENT_ID = /^(?:WON|LOST|EXPIRED)$/;

export interface TicketRouteDependencies {
  readonly authenticator: Authenticator;
  readonly purchase: HttpPurchaseDependencies;
  /** Queues what may come in; the same limits as for a claim at once. */
  readonly admit: ClaimTaker<TicketReceiver>;
  readonly session: () => TicketSession | null;
  readonly follow: Pick<FollowTickets, 'requireRoom' | 'follow'>;
  /** In [0, 1); spreads the return of clients whose streams ended together. */
  readonly random: () => number;
}

/** The asynchronous purchase: a ticket at once, its result by polling or as events. */
export function ticketRoutes(deps: TicketRouteDependencies): Route[] {
  const authenticated = authenticateHttp(deps.authenticator);
  const find = async (request: Request, response: Response): Promise<FoundTicket> => {
    const found = await readTicket(deps.session, String(request.params['ticket']));
    requireMayRead(identityOf(response), found.userId);
    return found;
  };
  return [
    route('post', `${PURCHASE_PATH}/async`, (request, response) => {
      purchaseAsync(deps, request, response);
    }),
    route('get', `${TICKETS_PATH}/:ticket`, authenticated, async (request, response) => {
      const { activityId, ticketId, state } = await find(request, response);
      response.setHeader('Cache-Control', 'no-store');
      response.json(ticketView(ticketText(activityId, ticketId), state));
    }),
    route('get', `${TICKETS_PATH}/:ticket/events`, authenticated, async (request, response) => {
      streamTicket(deps, request, response, await find(request, response));
    }),
  ];
}

/** Everything a purchase is checked for, by the same code; only then the claim is queued instead of made. */
function purchaseAsync(deps: TicketRouteDependencies, request: Request, response: Response): void {
  // Express makes an empty object of an empty body.
  const body = request.get('content-length') === '0' ? { text: '' } : { json: request.body as unknown };
  const { authenticator, addresses, logger } = deps.purchase;
  purchase<TicketResponder>(
    { authenticator, desk: deps.admit },
    purchaseInput(addresses, request, body),
    new TicketResponder(response, logger),
  );
}

class TicketResponder implements PurchaseReceiver, TicketReceiver {
  constructor(
    private readonly response: Response,
    private readonly logger: Logger,
  ) {}

  queued({ activityId, ticketId }: Parameters<TicketReceiver['queued']>[0]): void {
    const ticket = ticketText(activityId, ticketId);
    send(this.response, {
      status: 202,
      headers: { Location: `${TICKETS_PATH}/${ticket}` },
      body: JSON.stringify({ success: true, ticket }),
    });
  }

  answered(answer: ClaimAnswer): void {
    send(this.response, claimReply(answer));
  }

  failed(error: unknown): void {
    send(this.response, errorReply(error, this.logger));
  }
}

function streamTicket(deps: TicketRouteDependencies, request: Request, response: Response, found: FoundTicket): void {
  const { activityId, ticketId, state } = found;
  if (TERMINAL_EVENT_ID.test(request.get('last-event-id') ?? '')) {
    response.status(204).end();
    return;
  }
  if (request.method === 'HEAD') {
    response.writeHead(200, STREAM_HEADERS).end();
    return;
  }
  if (response.destroyed || request.socket.destroyed) return;
  if (state.status === 'QUEUED') deps.follow.requireRoom();
  const retryMs = Math.floor(RETRY_MS * (1 + deps.random()));
  const stream = new TicketStream(response, ticketText(activityId, ticketId), retryMs);
  if (!stream.open(state)) return;
  const unfollow = deps.follow.follow(activityId, ticketId, state, stream);
  response.on('close', unfollow);
}
