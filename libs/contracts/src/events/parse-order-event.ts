import { ORDER_EVENT_TYPES } from './order-events';
import type { OrderEventBody, OrderEventType } from './order-events';
import { orderEventSchema } from './order-event-schema';
import type { InvalidEventCode } from './parse-event';

export type ParsedOrderEvent =
  | { readonly ok: true; readonly type: OrderEventType; readonly body: OrderEventBody }
  | { readonly ok: false; readonly code: InvalidEventCode; readonly reason: string };

/** A message's event type and body -> the event of an order, or why it is none; `reason` names the field. Never throws. */
export function parseOrderEvent(type: string, body: Uint8Array | string): ParsedOrderEvent {
  const known = ORDER_EVENT_TYPES.find((each) => each === type);
  if (known === undefined) return invalid('UNKNOWN_EVENT_TYPE', `event type ${type}`);
  let value: unknown;
  try {
    value = JSON.parse(typeof body === 'string' ? body : Buffer.from(body).toString());
  } catch (error) {
    return invalid('NOT_JSON', error instanceof Error ? error.message : 'body is not JSON');
  }
  const version = typeof value === 'object' && value !== null && 'schema_version' in value ? value.schema_version : 1;
  if (version !== 1) return invalid('UNSUPPORTED_SCHEMA_VERSION', 'schema_version must be 1');
  const result = orderEventSchema.safeParse(value);
  if (result.success) return { ok: true, type: known, body: result.data };
  const [issue] = result.error.issues;
  return invalid('INVALID_EVENT', `${issue?.path.join('.') || 'body'} ${issue?.message ?? 'is not valid'}`);
}

/** Broken input may be anything; the reason ends in a header and in a log. */
function invalid(code: InvalidEventCode, reason: string): ParsedOrderEvent {
  return { ok: false, code, reason: reason.replace(/[^\x20-\x7e]/g, '?').slice(0, 200) };
}
