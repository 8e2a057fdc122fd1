import fc from 'fast-check';
import { ORDER_CREATED, ORDER_EVENT_TYPES, ORDER_PAYMENT_TIMEOUT } from './order-events';
import type { OrderEventBody } from './order-events';
import { parseOrderEvent } from './parse-order-event';

const body: OrderEventBody = {
  schema_version: 1,
  event_id: 'order-created-o-1',
  order_sn: 'o-1',
  user_id: '1001',
  payment_sn: 'p-1',
  original_amount: '100.00',
  discount_amount: '20.00',
  final_amount: '80.00',
  payment_deadline: '2026-11-21T07:50:31.123Z',
  reason_code: 'PAYMENT_TIMEOUT',
  at: '2026-11-21T07:40:31.123Z',
};

describe('parseOrderEvent', () => {
  it.each(ORDER_EVENT_TYPES)('reads %s from text and from bytes, with fields it does not know', (type) => {
    const text = JSON.stringify({ ...body, region: 'eu' });
    const expected = { ok: true, type, body: { ...body, region: 'eu' } };
    expect(parseOrderEvent(type, text)).toEqual(expected);
    expect(parseOrderEvent(type, Buffer.from(`xx${text}xx`).subarray(2, -2))).toEqual(expected);
  });

  it('does without what only some events have', () => {
    const { payment_deadline: _deadline, reason_code: _reason, ...rest } = body;
    expect(parseOrderEvent(ORDER_CREATED, JSON.stringify(rest))).toEqual({ ok: true, type: ORDER_CREATED, body: rest });
  });

  it.each([
    ['UNKNOWN_EVENT_TYPE', 'order.created.v2', JSON.stringify(body)],
    ['NOT_JSON', ORDER_CREATED, '{"order_sn":'],
    ['NOT_JSON', ORDER_CREATED, ''],
    ['INVALID_EVENT', ORDER_CREATED, 'null'],
    ['INVALID_EVENT', ORDER_CREATED, '{}'],
    ['UNSUPPORTED_SCHEMA_VERSION', ORDER_CREATED, JSON.stringify({ ...body, schema_version: 2 })],
  ])('says %s for %s %s', (code, type, text) => {
    expect(parseOrderEvent(type, text)).toMatchObject({ ok: false, code });
  });

  it.each<[keyof OrderEventBody, unknown]>([
    ['order_sn', ''],
    ['order_sn', 'o 1'],
    ['order_sn', 'x'.repeat(65)],
    ['order_sn', 1],
    ['user_id', 1001],
    ['user_id', '0'],
    ['payment_sn', undefined],
    ['final_amount', '80'],
    ['final_amount', '80.001'],
    ['discount_amount', '-1.00'],
    ['original_amount', 100],
    ['payment_deadline', '2026-02-30T00:00:00.000Z'],
    ['reason_code', 'too late'],
    ['at', undefined],
    ['event_id', 'x'.repeat(65)],
  ])('refuses a wrong %s (%j), naming it', (field, value) => {
    expect(parseOrderEvent(ORDER_CREATED, JSON.stringify({ ...body, [field]: value }))).toMatchObject({
      ok: false,
      code: 'INVALID_EVENT',
      reason: expect.stringMatching(new RegExp(`^${field} `)) as string,
    });
  });

  it('never throws, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => !parseOrderEvent(ORDER_PAYMENT_TIMEOUT, bytes).ok),
      { seed: 7 },
    );
  });
});
