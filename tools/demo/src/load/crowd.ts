import type { Buyer, Click } from '../scenario/buyers';
import type { Answer, Ledger } from './ledger';

export interface CrowdOptions {
  readonly activityId: string;
  readonly purchase: (activityId: string, click: Click) => Promise<Answer>;
  readonly ledger: Ledger;
  /** Buyers at work at the same time. */
  readonly concurrency: number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Called after each buyer is done. */
  readonly onBuyerDone?: () => void;
  readonly signal: AbortSignal;
}

/**
 * Refusals that say "not now", and answers that do not say what happened: the click is sent again with the same key. A click without a
 * key may be sent again too where the limit is 1: any claim of a winner is answered with the first receipt.
 */
const REPEAT = new Set(['OUTCOME_UNKNOWN', 'OVERLOADED', 'CIRCUIT_OPEN', 'NOT_READY', 'NO_ANSWER', 'RATE_LIMITED']);
const MOST_ATTEMPTS = 40;
const MOST_RATE_LIMITED = 10;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** All buyers press; resolves when each has a final answer or has given up (`ledger.unanswered`). */
export async function letCrowdClick(buyers: readonly Buyer[], options: CrowdOptions): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let buyer = buyers[next++]; buyer && !options.signal.aborted; buyer = buyers[next++]) {
      await Promise.all(buyer.together.map((click) => clickUntilAnswered(click, options)));
      for (const click of buyer.then) await clickUntilAnswered(click, options);
      options.onBuyerDone?.();
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.concurrency, buyers.length) }, worker));
}

/** The last answer to the click. */
export async function clickUntilAnswered(click: Click, options: CrowdOptions): Promise<Answer> {
  let rateLimited = 0;
  for (let attempt = 1; ; attempt++) {
    const started = performance.now();
    const answer = await options.purchase(options.activityId, click);
    options.ledger.record(click, answer, performance.now() - started);
    if (answer.kind === 'accepted' || !REPEAT.has(answer.code)) return answer;
    if (answer.code === 'RATE_LIMITED') rateLimited += 1;
    if (attempt === MOST_ATTEMPTS || rateLimited === MOST_RATE_LIMITED || options.signal.aborted) {
      options.ledger.unanswered.push(click);
      return answer;
    }
    await options.sleep(pauseMs(attempt, answer.retryAfterMs));
  }
}

function pauseMs(attempt: number, retryAfterMs: number | undefined): number {
  const backOff = FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 10);
  return Math.min(Math.max(backOff, retryAfterMs ?? 0), LONGEST_PAUSE_MS);
}
