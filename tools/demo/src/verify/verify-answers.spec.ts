import type { Answer } from '../load/ledger';
import { expectRefusals, unexpectedCodes } from './verify-answers';

const refusal = (code: string): Answer => ({ kind: 'refused', code, retryAfterMs: undefined });
const win: Answer = { kind: 'accepted', claimId: 'c', couponSns: ['c001'], replayed: false };

describe('unexpectedCodes', () => {
  it('accepts the refusals of the story and those of a busy platform', () => {
    expect(unexpectedCodes({ refused: { SOLD_OUT: 7, OVERLOADED: 2, NO_ANSWER: 1 } }, ['SOLD_OUT'])).toEqual([]);
  });

  it('reports any other code with its number', () => {
    const violations = unexpectedCodes({ refused: { SOLD_OUT: 7, INVALID_ARGUMENT: 3 } }, ['SOLD_OUT']);
    expect(violations).toEqual([{ kind: 'unexpected_answer', count: 3, detail: 'answers with code INVALID_ARGUMENT' }]);
  });
});

describe('expectRefusals', () => {
  it('accepts answers that are all the expected refusal', () => {
    expect(expectRefusals([refusal('ENDED'), refusal('ENDED')], 'ENDED', 'late')).toEqual([]);
  });

  it('reports a coupon given where none should be, and another refusal', () => {
    const [violation] = expectRefusals([refusal('ENDED'), win, refusal('SOLD_OUT')], 'ENDED', 'late');
    expect(violation).toMatchObject({ kind: 'unexpected_answer', count: 2 });
    expect(violation?.detail).toContain('OK, SOLD_OUT');
  });
});
