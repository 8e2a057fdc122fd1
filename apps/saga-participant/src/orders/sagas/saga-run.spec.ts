import * as fc from 'fast-check';
import { SAGA_KINDS } from '../order-transitions';
import { gidOf } from './saga-run';

describe('gid of a saga', () => {
  it('is known by the order or by its payment', () => {
    const order = { orderSn: 'o-1', paymentSn: 'p-1' };
    expect(SAGA_KINDS.map((kind) => gidOf(kind, order))).toEqual([
      'checkout-o-1',
      'settle-p-1',
      'cancel-o-1',
      'reacquire-p-1',
      'refund-p-1',
    ]);
    expect(gidOf('cancel', order, 2)).toBe('cancel2-o-1');
  });

  it('is no other saga’s, whatever numbers users choose for their orders', () => {
    const number = fc.stringMatching(/^[A-Za-z0-9_-]{1,4}$/);
    const tail = fc.constantFrom('', '-2', '-3', '2', '-2-3');
    const saga = fc.record({
      kind: fc.constantFrom(...SAGA_KINDS),
      sn: fc.tuple(number, tail).map((parts) => parts.join('')),
      attempt: fc.integer({ min: 1, max: 12 }),
    });
    const gid = ({ kind, sn, attempt }: { kind: (typeof SAGA_KINDS)[number]; sn: string; attempt: number }): string =>
      gidOf(kind, { orderSn: sn, paymentSn: sn }, attempt);
    fc.assert(
      fc.property(saga, tail, fc.integer({ min: 1, max: 12 }), (one, suffix, attempt) => {
        const other = { ...one, sn: `${one.sn}${suffix}`, attempt };
        const isSame = other.sn === one.sn && other.attempt === one.attempt;
        expect(gid(one) === gid(other)).toBe(isSame);
      }),
      { seed: 20261121, numRuns: 5_000 },
    );
    expect(gid({ kind: 'cancel', sn: 'A', attempt: 2 })).not.toBe(gid({ kind: 'cancel', sn: 'A-2', attempt: 1 }));
  });
});
