import type { Request, Response } from 'express';
import { localeOf } from '@coupon/discount';
import { AppError, InvalidArgumentError } from '@coupon/domain';
import type { UserId } from '@coupon/domain';
import { authenticateHttp, identityOf, requireMayRead, route } from '@coupon/service-kit';
import type { Authenticator, Clock, Identity, Route } from '@coupon/service-kit';
import type { ShopDatabase } from '../../adapters/databases';
import { reading } from '../../adapters/reading';
import { readItems, readOrder } from '../adapters/order-rows';
import type { Ruling } from '../arbiter';
import type { Order } from '../order';
import { parseOrderSn } from '../../serial-number';
import type { SagaKind } from '../order-transitions';
import { gidOf } from '../sagas/saga-run';
import type { Desk } from '../use-cases/order-desk';
import { startCheckout } from '../use-cases/start-checkout.use-case';
import type { StartCheckoutDeps } from '../use-cases/start-checkout.use-case';
import { waitForOrder } from '../use-cases/wait-for-order';
import { parseCheckout } from './checkout-request';
import { acceptedView, orderView } from './order-view';

const WAIT_MS = 5_000;

export interface CheckoutRoutesDeps {
  readonly authenticator: Authenticator;
  readonly shop: ShopDatabase;
  readonly clock: Clock;
  readonly checkout: StartCheckoutDeps;
  readonly desk: Desk;
}

/** Orders for users and operators. Commands answer 202: what was asked for will happen; `?wait=true` waits up to five seconds for it. */
export function checkoutRoutes(deps: CheckoutRoutesDeps): Route[] {
  const { authenticator, shop, desk } = deps;
  const authenticated = authenticateHttp(authenticator);
  return [
    route('post', '/api/v1/checkouts', authenticated, async (request, response) => {
      const wait = isWaiting(request);
      const checkout = parseCheckout(request.body);
      requireActsForOrder(identityOf(response), checkout.userId);
      const started = await startCheckout(deps.checkout, checkout, localeOf(request.get('accept-language')));
      const { orderSn, driven } = started;
      const end = wait ? await waitForOrder(deps, orderSn, { timeoutMs: WAIT_MS, driven }) : undefined;
      response
        .status(202)
        .json(acceptedView({ ...started, ...(end ? { status: end.status, reasonCode: end.reasonCode } : {}) }));
    }),
    route('get', '/api/v1/checkouts/:orderSn', authenticated, async (request, response) => {
      const order = await orderOf(request, response, shop);
      const items = await reading(() => readItems(shop.client, order.orderSn));
      response.json(orderView(order, items));
    }),
    command('/api/v1/orders/:orderSn/cancel', 'cancel', (orderSn) => desk.cancel(orderSn), deps),
    command('/api/v1/orders/:orderSn/refund', 'refund', (orderSn) => desk.refund(orderSn), deps),
  ];
}

function command(
  path: string,
  kind: SagaKind,
  run: (orderSn: string) => Promise<Ruling>,
  deps: CheckoutRoutesDeps,
): Route {
  return route('post', path, authenticateHttp(deps.authenticator), async (request, response) => {
    const wait = isWaiting(request);
    const { orderSn } = await orderOf(request, response, deps.shop);
    const { order, started } = await run(orderSn);
    const end = wait ? await waitForOrder(deps, orderSn, { timeoutMs: WAIT_MS }) : undefined;
    const gid = started?.run.gid ?? gidOf(kind, order);
    const { status, reasonCode } = end ?? order;
    response.status(202).json(acceptedView({ orderSn, gid, status, reasonCode, coupons: [] }));
  });
}

/** @throws AppError NOT_FOUND, PERMISSION_DENIED, NOT_READY */
async function orderOf(request: Request, response: Response, shop: ShopDatabase): Promise<Order> {
  const orderSn = parseOrderSn(request.params['orderSn']);
  const order = await reading(() => readOrder(shop.client, orderSn));
  if (order === undefined) throw new AppError('NOT_FOUND', 'there is no such order');
  requireMayRead(identityOf(response), order.userId as UserId);
  return order;
}

/** Staff may buy for anyone. */
function requireActsForOrder(identity: Identity, userId: string): void {
  if (identity.anyUser || identity.userId === userId || identity.role !== 'user') return;
  throw new AppError('PERMISSION_DENIED', 'user_id is not the caller', { details: { field: 'user_id' } });
}

function isWaiting(request: Request): boolean {
  const { wait } = request.query;
  if (wait === undefined || wait === 'false') return false;
  if (wait === 'true') return true;
  throw InvalidArgumentError.of('wait', 'must be true or false');
}
