import type { Click } from '../scenario/buyers';

/** What the gateway said to one request. */
export type Answer =
  | {
      readonly kind: 'accepted';
      readonly claimId: string;
      readonly couponSns: readonly string[];
      readonly replayed: boolean;
    }
  | { readonly kind: 'refused'; readonly code: string; readonly retryAfterMs: number | undefined };

/** A coupon that two answers disagree about. */
export interface Contradiction {
  readonly couponSn: string;
  readonly detail: string;
}

/** What the buyers of one activity heard, written down as they heard it. Knows nothing about what is true. */
export class Ledger {
  requests = 0;
  replayed = 0;
  /** Answers that gave a coupon for the first time. */
  firstReceipts = 0;
  readonly refused: Record<string, number> = {};
  readonly latenciesMs: number[] = [];
  /** Coupon -> the buyer who was told that it is theirs. */
  readonly heard = new Map<string, string>();
  readonly contradictions: Contradiction[] = [];
  /** Clicks that never got an answer that says what happened. */
  readonly unanswered: Click[] = [];
  /** When the last coupon was heard of, by performance.now(). */
  lastAcceptedMs = 0;
  readonly #receipts = new Map<string, string>();
  readonly #firsts = new Set<string>();

  record(click: Click, answer: Answer, latencyMs: number): void {
    this.requests += 1;
    this.latenciesMs.push(latencyMs);
    if (answer.kind === 'refused') {
      this.refused[answer.code] = (this.refused[answer.code] ?? 0) + 1;
      return;
    }
    this.lastAcceptedMs = performance.now();
    if (answer.replayed) this.replayed += 1;
    else this.#recordFirst(answer.couponSns);
    for (const couponSn of answer.couponSns) this.#recordCoupon(click.userId, couponSn);
    this.#recordReceipt(click, answer.couponSns);
  }

  #recordFirst(couponSns: readonly string[]): void {
    this.firstReceipts += 1;
    for (const couponSn of couponSns) {
      if (this.#firsts.has(couponSn)) this.contradictions.push({ couponSn, detail: 'given for the first time twice' });
      this.#firsts.add(couponSn);
    }
  }

  #recordCoupon(userId: string, couponSn: string): void {
    const other = this.heard.get(couponSn);
    if (other === undefined) this.heard.set(couponSn, userId);
    else if (other !== userId) this.contradictions.push({ couponSn, detail: `promised to ${other} and to ${userId}` });
  }

  /** The same key must always get the same receipt. */
  #recordReceipt({ userId, key }: Click, couponSns: readonly string[]): void {
    if (key === undefined) return;
    const receipt = couponSns.join(',');
    const known = this.#receipts.get(key);
    if (known === undefined) this.#receipts.set(key, receipt);
    else if (known !== receipt) {
      this.contradictions.push({ couponSn: receipt, detail: `buyer ${userId} got another receipt for the same key` });
    }
  }
}
