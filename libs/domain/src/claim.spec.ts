import fc from 'fast-check';
import { couponSn, encodeClaimId, isClaimId, isIdempotencyKey } from './claim';

const bytes = fc.uint8Array({ minLength: 10, maxLength: 10 });
const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });

describe('claim ids', () => {
  test('are well formed and sort by time', () => {
    fc.assert(
      fc.property(time, time, bytes, bytes, (a, b, left, right) => {
        const [first, second] = [encodeClaimId(a, left), encodeClaimId(b, right)];
        expect(isClaimId(first)).toBe(true);
        if (a < b) expect(first < second).toBe(true);
      }),
      { seed: 1 },
    );
  });

  test('keep every random bit', () => {
    fc.assert(
      fc.property(bytes, bytes, (left, right) => {
        const same = Buffer.compare(left, right) === 0;
        expect(encodeClaimId(1, left) === encodeClaimId(1, right)).toBe(same);
      }),
      { seed: 2 },
    );
  });

  test('give each unit a serial number that fits its column', () => {
    const claimId = encodeClaimId(Date.UTC(2026, 10, 21), new Uint8Array(10));
    expect(couponSn(claimId, 1)).toBe(`${claimId}001`);
    expect(couponSn(claimId, 999)).toHaveLength(29);
  });
});

test('an idempotency key is 1 to 64 printable ASCII characters without spaces', () => {
  expect(['a', 'A-1_~!"{}', 'k'.repeat(64)].every(isIdempotencyKey)).toBe(true);
  expect(['', ' ', 'a b', 'é', 'a\n', 'k'.repeat(65), '\u0000'].some(isIdempotencyKey)).toBe(false);
});
