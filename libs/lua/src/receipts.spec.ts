import fc from 'fast-check';
import type { ClaimId, UserId } from '@coupon/domain';
import { decodeReceipts, encodeReceipts } from './receipts';

const claim = fc.record({
  claimId: fc.string({ unit: fc.constantFrom(...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'), minLength: 26, maxLength: 26 }),
  eventSeq: fc.integer({ min: 1, max: 1_000_000 }),
  slots: fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 5 }),
  released: fc.boolean(),
  // Keys may hold what looks like another receipt.
  idempotencyKey: fc.oneof(
    fc.string({ unit: fc.constantFrom('R', 'X', ':', '1', ','), maxLength: 20 }),
    fc.constant(''),
  ),
});

describe('decodeReceipts', () => {
  it('reads what is written', () => {
    fc.assert(
      fc.property(fc.array(claim, { maxLength: 4 }), (claims) => {
        const restored = claims.map((one) => ({ ...one, claimId: one.claimId as ClaimId, userId: '7' as UserId }));
        const sorted = [...claims].sort((a, b) => a.eventSeq - b.eventSeq);
        expect(decodeReceipts(encodeReceipts(restored).get('7') ?? '1')).toEqual(
          sorted.map(({ claimId, eventSeq, slots, released }) => ({
            state: released ? 'X' : 'R',
            claimId,
            eventSeq,
            slots,
          })),
        );
      }),
    );
  });

  it.each(['', '2', '1R', '1RABC:1:1:9:key', '1Q01:1:1:0:'])('refuses %j', (text) => {
    expect(() => decodeReceipts(text)).toThrow(/receipt/);
  });
});
