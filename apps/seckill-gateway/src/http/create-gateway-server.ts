import type { IncomingMessage, ServerResponse } from 'node:http';
import { createHttpServer } from '@coupon/service-kit';
import type { HttpServer, HttpServerOptions } from '@coupon/service-kit';
import { errorReply } from './claim-reply';
import { FastLane } from './fast-lane/fast-lane';
import type { FastLaneOptions } from './fast-lane/fast-lane';
import { servePlain } from './fast-lane/serve-plain';
import { PURCHASE_PATH } from './purchase';
import { isPurchase, purchaseHandler } from './purchase-handler';
import type { HttpPurchaseDependencies } from './purchase-handler';

export interface GatewayServerOptions extends Omit<HttpServerOptions, 'handler' | 'front' | 'answerHalfClosed'> {
  readonly purchase: HttpPurchaseDependencies;
  /** Serves everything beside the hot route. */
  readonly app: (request: IncomingMessage, response: ServerResponse) => void;
  /** Timeouts of the fast lane; null leaves every request to node:http. */
  readonly lane: Pick<FastLaneOptions, 'keepAliveTimeoutMs' | 'partialTimeoutMs' | 'sweepMs'> | null;
}

/** The gateway's port: the fast lane, behind it node:http with the hot route, behind that Express. */
export function createGatewayServer(options: GatewayServerOptions): HttpServer {
  const { purchase, app, lane, ...http } = options;
  const handlePurchase = purchaseHandler(purchase);
  return createHttpServer({
    ...http,
    // A buyer whose click was taken gets the answer, whichever of the two has read it.
    answerHalfClosed: true,
    ...(lane === null ? {} : { front: laneFor(purchase, lane) }),
    handler: (request, response) => {
      if (isPurchase(request)) handlePurchase(request, response);
      else app(request, response);
    },
  });
}

function laneFor(purchase: HttpPurchaseDependencies, timeouts: NonNullable<GatewayServerOptions['lane']>): FastLane {
  return new FastLane({
    ...timeouts,
    path: PURCHASE_PATH,
    serve: (head, body, connection) => {
      servePlain(purchase, head, body, connection);
    },
    errorReply: (error) => errorReply(error, purchase.logger),
  });
}
