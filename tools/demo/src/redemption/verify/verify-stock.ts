import { found, named } from '../../verify/violation';
import type { Violation } from '../../verify/violation';
import { byKey } from '../truth';
import type { RedemptionTruth, ReservationTruth } from '../truth';

/** Nothing is sold that was not there, nothing is held any more, and every paid order has what it paid for. */
export function verifyStock(truth: RedemptionTruth, initialStock: ReadonlyMap<string, number>): Violation[] {
  const committed = byKey(
    truth.reservations.filter(({ state }) => state === 'COMMITTED'),
    ({ productId }) => productId,
  );
  const products = new Map(truth.products.map((product) => [product.id, product]));
  const lost = [...initialStock].filter(([id, initial]) => {
    const product = products.get(id);
    return product === undefined || initial !== product.stock + product.reserved + units(committed.get(id) ?? []);
  });
  return found(
    named(
      'stock',
      lost.map(([id]) => id),
      'products whose stock, reserved and sold units are not what was put up for sale',
    ),
    named(
      'stock_reserved',
      [
        ...truth.products.filter(({ reserved }) => reserved !== 0).map(({ id }) => id),
        ...truth.reservations.filter(({ state }) => state === 'RESERVED').map(({ orderSn }) => orderSn),
      ],
      'products and orders with units that are still reserved',
    ),
    named('reservation', wrongReservations(truth), 'orders whose sold units are not what they paid for'),
  );
}

function units(reservations: readonly ReservationTruth[]): number {
  return reservations.reduce((total, { quantity }) => total + quantity, 0);
}

function wrongReservations({ orders, items, reservations }: RedemptionTruth): string[] {
  const sold = byKey(
    reservations.filter(({ state }) => state === 'COMMITTED'),
    ({ orderSn }) => orderSn,
  );
  const bought = byKey(items, ({ orderSn }) => orderSn);
  const known = new Set(orders.map(({ orderSn }) => orderSn));
  const strangers = [...sold.keys()].filter((orderSn) => !known.has(orderSn));
  const wrong = orders.filter(({ orderSn, status }) => {
    const wanted = status === 'PAID' ? perProduct(bought.get(orderSn) ?? []) : '';
    return perProduct(sold.get(orderSn) ?? []) !== wanted;
  });
  return [...strangers, ...wrong.map(({ orderSn }) => orderSn)];
}

/** `id:units` of each product in order of id. */
function perProduct(rows: readonly { readonly productId: string; readonly quantity: number }[]): string {
  return [...byKey(rows, ({ productId }) => productId)]
    .map(([id, group]) => `${id}:${group.reduce((total, { quantity }) => total + quantity, 0)}`)
    .sort()
    .join(' ');
}
