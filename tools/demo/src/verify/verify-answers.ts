import type { Answer, Ledger } from '../load/ledger';
import type { SaleStory } from './verify-sale';
import { named } from './violation';
import type { Violation } from './violation';

/** Refusals that a busy or failing platform may give; the buyer tried again. */
const PASSING = new Set(['OUTCOME_UNKNOWN', 'OVERLOADED', 'CIRCUIT_OPEN', 'NOT_READY', 'RATE_LIMITED', 'NO_ANSWER']);

/** Codes that have no place in this part of the story. */
export function unexpectedCodes(ledger: Pick<Ledger, 'refused'>, expected: readonly string[]): Violation[] {
  const strange = Object.entries(ledger.refused).filter(([code]) => !PASSING.has(code) && !expected.includes(code));
  return strange.map(([code, count]) => ({ kind: 'unexpected_answer', count, detail: `answers with code ${code}` }));
}

/** Every one of these answers must be the same refusal. */
export function expectRefusals(answers: readonly Answer[], code: string, when: string): Violation[] {
  const others = answers
    .map((answer) => (answer.kind === 'refused' ? answer.code : 'OK'))
    .filter((other) => other !== code);
  return others.length === 0 ? [] : [named('unexpected_answer', others, `${when}: not refused with ${code}`)];
}

export function storyOf(ledger: Ledger): SaleStory {
  return {
    heard: ledger.heard,
    contradictions: ledger.contradictions,
    unanswered: [...new Set(ledger.unanswered.map(({ userId }) => userId))],
  };
}
