import { applyMigrations, EMBEDDED_MIGRATIONS as COUPON_MIGRATIONS } from '@coupon/persistence';
import type { MysqlDatabase } from '@coupon/testing';

/** Brings an empty database to the schema of `coupon`. */
export function migrateCoupon(url: string): Promise<unknown> {
  return applyMigrations({ url, migrations: COUPON_MIGRATIONS });
}

type Query = Pick<MysqlDatabase, 'query'>;

/** Events of an announcement that nobody has to hear, unless `routingKey` says otherwise. */
export async function writeEvents(
  database: Query,
  eventIds: readonly string[],
  { routingKey = 'order.paid.v1', body = {} }: { routingKey?: string; body?: object } = {},
): Promise<void> {
  const rows = eventIds.map((id) => [id, routingKey, JSON.stringify({ traceparent: `trace-${id}` })]);
  await database.query(
    `INSERT INTO outbox (event_id, routing_key, headers, body) VALUES ${rows.map(() => '(?, ?, ?, ?)').join(', ')}`,
    rows.flatMap((row) => [...row, JSON.stringify({ ...body, event_id: row[0] })]),
  );
}

export async function unpublished(database: Query): Promise<string[]> {
  const rows = await database.query<{ event_id: string }>(
    'SELECT event_id FROM outbox WHERE published_at IS NULL ORDER BY id',
  );
  return rows.map(({ event_id }) => event_id);
}

/** `o-1`'s event with which its time to pay begins. */
export function orderCreatedBody(orderSn: string): Record<string, string | number> {
  return {
    ...{ schema_version: 1, event_id: `created-${orderSn}`, order_sn: orderSn, user_id: '1001', payment_sn: 'p-1' },
    ...{ original_amount: '100.00', discount_amount: '20.00', final_amount: '80.00' },
    ...{ payment_deadline: '2026-11-21T07:50:31.123Z', at: '2026-11-21T07:40:31.123Z' },
  };
}

export function idsOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}-${at}`);
}
