import fc from 'fast-check';
import { couponSn } from '@coupon/domain';
import { claimEventSchemas } from './claim-event-schemas';
import { FLASH_SALE_FAILED, FLASH_SALE_RELEASED, FLASH_SALE_SUCCEEDED } from './claim-events';
import type { ClaimEventType } from './claim-events';
import { parseEvent } from './parse-event';

const CLAIM_ID = '01JDKZ3Q8F0000000000000001';
const AT = '2026-11-21T07:40:31.123Z';

type Body = Record<string, unknown>;

function common(): Body {
  return {
    schema_version: 1,
    event_id: '7-1-42',
    event_seq: 42,
    activity_id: '7',
    template_id: '3',
    user_id: '1001',
    claim_id: CLAIM_ID,
    units: [
      { sn: couponSn(CLAIM_ID, 1), slot: 2 },
      { sn: couponSn(CLAIM_ID, 2), slot: 1 },
    ],
    epoch: 1,
  };
}

const bodies: Record<ClaimEventType, Body> = {
  [FLASH_SALE_SUCCEEDED]: { ...common(), claimed_at: AT, idempotency_key: 'key-1' },
  [FLASH_SALE_RELEASED]: { ...common(), reason: 'operator', released_at: AT },
  [FLASH_SALE_FAILED]: {
    ...common(),
    claimed_at: AT,
    code: 'SLOT_TAKEN',
    reason: 'slot 1 has another sn',
    failed_at: AT,
  },
};
const types = Object.keys(bodies) as ClaimEventType[];

const parseBody = (type: string, body: unknown): ReturnType<typeof parseEvent> =>
  parseEvent(type, JSON.stringify(body));

describe('parseEvent', () => {
  it.each(types)('reads %s from text and from bytes', (type) => {
    const text = JSON.stringify(bodies[type]);
    const expected = { ok: true, event: { type, body: bodies[type] } };
    expect(parseEvent(type, text)).toEqual(expected);
    // A view into a larger buffer, as a client library hands it over.
    const buffer = Buffer.from(`xx${text}xx`);
    expect(parseEvent(type, buffer.subarray(2, -2))).toEqual(expected);
  });

  it('keeps fields it does not know: a newer sender may add some', () => {
    expect(parseBody(FLASH_SALE_RELEASED, { ...bodies[FLASH_SALE_RELEASED], region: 'eu' })).toMatchObject({
      ok: true,
      event: { body: { region: 'eu' } },
    });
  });

  it.each([
    ['UNKNOWN_EVENT_TYPE', 'coupon.locked.v1', '{}'],
    ['NOT_JSON', FLASH_SALE_SUCCEEDED, '{"a":'],
    ['NOT_JSON', FLASH_SALE_SUCCEEDED, ''],
    ['INVALID_EVENT', FLASH_SALE_SUCCEEDED, 'null'],
    ['INVALID_EVENT', FLASH_SALE_SUCCEEDED, '[]'],
    ['UNSUPPORTED_SCHEMA_VERSION', FLASH_SALE_SUCCEEDED, JSON.stringify({ ...common(), schema_version: 2 })],
  ])('says %s for %s %s', (code, type, text) => {
    expect(parseEvent(type, text)).toMatchObject({ ok: false, code, reason: expect.stringMatching(/./) as string });
  });

  it.each<[string, Body]>([
    ['activity_id', { activity_id: 7 }],
    ['user_id', { user_id: '9223372036854775808' }],
    ['template_id', { template_id: '0' }],
    ['event_seq', { event_seq: 0 }],
    ['event_seq', { event_seq: 1.5 }],
    ['epoch', { epoch: '1' }],
    ['event_id', { event_id: '7-1-43' }],
    ['claim_id', { claim_id: 'lowercase' }],
    ['units', { units: [] }],
    ['units[0]', { units: [null] }],
    ['units[0].sn', { units: [{ sn: couponSn(CLAIM_ID, 2), slot: 1 }] }],
    ['units[0].slot', { units: [{ sn: couponSn(CLAIM_ID, 1), slot: 1_000 }] }],
    [
      'units[1].slot',
      {
        units: [
          { sn: couponSn(CLAIM_ID, 1), slot: 1 },
          { sn: couponSn(CLAIM_ID, 2), slot: 1 },
        ],
      },
    ],
    ['claimed_at', { claimed_at: '2026-02-30T00:00:00.000Z' }],
    ['claimed_at', { claimed_at: '2026-11-21 07:40:31' }],
    ['idempotency_key', { idempotency_key: 'with space' }],
  ])('refuses a wrong %s (%j), naming it', (field, change) => {
    expect(parseBody(FLASH_SALE_SUCCEEDED, { ...bodies[FLASH_SALE_SUCCEEDED], ...change })).toMatchObject({
      ok: false,
      code: 'INVALID_EVENT',
      reason: expect.stringMatching(new RegExp(`^${field.replace(/[[\]]/g, '\\$&')} `)) as string,
    });
  });

  it('reads only real leap days', () => {
    const at = (claimed_at: string): boolean =>
      parseBody(FLASH_SALE_SUCCEEDED, { ...bodies[FLASH_SALE_SUCCEEDED], claimed_at }).ok;
    expect(at('2028-02-29T00:00:00.000Z')).toBe(true);
    expect(at('2026-02-29T00:00:00.000Z')).toBe(false);
    expect(at('2000-02-29T00:00:00.000Z')).toBe(true);
    expect(at('2100-02-29T00:00:00.000Z')).toBe(false);
  });

  it('never throws, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array(), (type, bytes) => !parseEvent(type, bytes).ok),
      { seed: 7 },
    );
  });

  it('decides as the zod schemas do, on valid events and on events broken in one or two places', () => {
    const replacement = fc.oneof(
      fc.constantFrom<unknown>(
        undefined,
        null,
        0,
        1,
        -1,
        1.5,
        42,
        1_000,
        '',
        '1',
        '07',
        'x',
        CLAIM_ID,
        AT,
        true,
        [],
        {},
      ),
      fc.jsonValue(),
      fc.constant([{ sn: couponSn(CLAIM_ID, 1), slot: 1 }]),
      fc.constant([
        { sn: couponSn(CLAIM_ID, 1), slot: 1, extra: true },
        { sn: couponSn(CLAIM_ID, 2), slot: 1 },
      ]),
    );
    const cases = fc.constantFrom(...types).chain((type) =>
      fc.record({
        type: fc.constant(type),
        changes: fc.array(fc.tuple(fc.constantFrom(...Object.keys(bodies[type])), replacement), { maxLength: 2 }),
      }),
    );
    let accepted = 0;
    fc.assert(
      fc.property(cases, ({ type, changes }) => {
        const wire: unknown = JSON.parse(JSON.stringify({ ...bodies[type], ...Object.fromEntries(changes) }));
        const byZod = claimEventSchemas[type].safeParse(wire).success;
        if (byZod) accepted += 1;
        expect(parseBody(type, wire).ok).toBe(byZod);
      }),
      { seed: 42, numRuns: 2_000 },
    );
    // The property would hold trivially if everything were refused.
    expect(accepted).toBeGreaterThan(200);
  });
});
