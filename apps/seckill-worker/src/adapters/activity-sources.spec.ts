import fc from 'fast-check';
import { zeroBits } from './activity-sources';

describe('zeroBits', () => {
  it('finds exactly the positions from 1 on that are not set, in order and up to the limit', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 200 })),
        fc.integer({ min: 0, max: 250 }),
        fc.integer({ min: 1, max: 300 }),
        (set, upTo, limit) => {
          const bitmap = Buffer.alloc(26);
          for (const bit of set) bitmap[bit >> 3] = (bitmap[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
          const expected = Array.from({ length: upTo }, (_, n) => n + 1).filter((seq) => !set.includes(seq));
          expect(zeroBits(bitmap, upTo, limit)).toEqual(expected.slice(0, limit));
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });

  it('skips whole bytes that are set', () => {
    const bitmap = Buffer.alloc(1000, 0xff);
    bitmap[500] = 0xfe;
    expect(zeroBits(bitmap, 7_999, 10)).toEqual([4_007]);
  });
});
