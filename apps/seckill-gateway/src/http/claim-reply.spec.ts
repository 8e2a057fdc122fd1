import fc from 'fast-check';
import { ERROR_CODES } from '@coupon/domain';
import type { ClaimId, ErrorCode } from '@coupon/domain';
import { errorBodyText, toErrorReply } from '@coupon/service-kit';
import type { ClaimAnswer } from '../use-cases/claim-answer';
import { claimError, claimMessage, claimReply } from './claim-reply';

type Refused = Extract<ClaimAnswer, { kind: 'refused' }>;

/** The way of every other error. */
function generalReply(answer: Refused): ReturnType<typeof claimReply> {
  const { status, headers, body } = toErrorReply(claimError(answer));
  return { status, headers, body: errorBodyText(body) };
}

const codes = Object.keys(ERROR_CODES) as ErrorCode[];
const available = fc.option(fc.integer({ min: 0 }), { nil: undefined });

describe('claimReply', () => {
  it.each(codes)('property: a claim refused with %s is answered like any error of that code', (code) => {
    fc.assert(
      fc.property(fc.constantFrom('limit', 'key', 'queue'), available, available, (reason, first, second) => {
        // Twice, because the second answer may come from memory.
        for (const units of [first, second]) {
          const answer: Refused = {
            kind: 'refused',
            code,
            reason,
            ...(units === undefined ? {} : { available: units }),
          };
          expect(claimReply(answer)).toEqual(generalReply(answer));
        }
      }),
      { seed: 20_261_121 },
    );
  });

  it('property: a win is the JSON of its fields', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[A-Z0-9-]{1,20}$/), { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.boolean(),
        (couponSns, units, replayed) => {
          const answer: ClaimAnswer = {
            kind: 'won',
            claimId: '01ABC' as ClaimId,
            couponSns,
            available: units,
            replayed,
          };
          const { status, headers, body } = claimReply(answer);
          expect([status, headers]).toEqual([200, {}]);
          expect(body).toBe(
            JSON.stringify({
              success: true,
              code: 'OK',
              message: claimMessage(answer),
              claim_id: '01ABC',
              coupon_sn: couponSns[0],
              coupon_sns: couponSns,
              remaining_count: units,
              replayed,
            }),
          );
        },
      ),
      { seed: 20_261_121 },
    );
  });
});
