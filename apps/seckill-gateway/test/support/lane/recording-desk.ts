import type { ClaimId } from '@coupon/domain';
import { LaneConnection } from '../../../src/http/fast-lane/lane-connection';
import type { ClaimAnswer, ClaimCommand, ClaimReceiver } from '../../../src/use-cases/claim-answer';

/**
 * Writes down every claim and answers it by the user id alone: at once, in one of the next turns of the event loop, or later. The same
 * claims get the same answers on every server.
 */
export class RecordingDesk {
  claims: string[] = [];
  /** Claims by who has read them. */
  readonly counts = { lane: 0, http: 0 };

  claim(command: ClaimCommand, receiver: ClaimReceiver): void {
    this.claims.push(describeClaim(command));
    this.counts[receiver instanceof LaneConnection ? 'lane' : 'http'] += 1;
    const number = Number(BigInt(command.userId) % 64n);
    const answer = answerFor(number, command);
    answerAfter(number % 4, () => {
      receiver.answered(answer);
    });
  }
}

function describeClaim({ activityId, userId, quantity, idempotencyKey }: ClaimCommand): string {
  return `${activityId}/${userId} x${quantity} "${idempotencyKey}"`;
}

function answerFor(number: number, { userId, quantity }: ClaimCommand): ClaimAnswer {
  switch (number % 5) {
    case 0:
      return { kind: 'refused', code: 'SOLD_OUT', reason: 'stock', available: number };
    case 1:
      return { kind: 'refused', code: 'NOT_READY', reason: 'claim_store' };
    case 2:
      return { kind: 'refused', code: 'LIMIT_REACHED', reason: 'limit', available: 7 };
    default:
      return {
        kind: 'won',
        claimId: `claim-${userId}` as ClaimId,
        couponSns: Array.from({ length: Math.min(quantity, 3) }, (_, unit) => `CP${userId}${unit}`),
        available: number,
        replayed: number % 2 === 0,
      };
  }
}

function answerAfter(turns: number, answer: () => void): void {
  if (turns === 0) answer();
  else if (turns === 3) setTimeout(answer, 2);
  else if (turns === 2) setImmediate(() => setImmediate(answer));
  else setImmediate(answer);
}
