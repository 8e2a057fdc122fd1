import type { Minor } from '../arithmetic/minor';
import type { Contestant } from './contestants';

/** What is known about a node when one of its children is judged. */
export interface Prospect {
  /** The coupon that comes next, and what it takes. */
  readonly index: number;
  readonly amount: Minor;
  /** What each coupon would take instead of it. */
  readonly amounts: readonly Minor[];
  /** What is left for each scope before it. */
  readonly bases: readonly Minor[];
  readonly followers: readonly number[];
  /** Coupons that may still follow. */
  readonly slots: number;
}

/**
 * An upper bound of what may follow a coupon. Amounts never grow when less is left, so what a coupon would take now bounds what it takes
 * later. Where the next coupon takes from nothing but lines of a follower, the follower's base afterwards is known exactly. Where all
 * followers take from the same lines, each leaves less to the next: the most that any of them takes, again and again, is a bound, too.
 */
export class Ceiling {
  readonly #contestants: readonly Contestant[];
  /** covers[a][b]: every line of b is one of a. */
  readonly #covers: readonly Uint8Array[];
  readonly #groupMost: Minor[];
  /** The largest amounts that may follow, descending. */
  readonly #largest: Minor[] = [];

  constructor(contestants: readonly Contestant[]) {
    this.#contestants = contestants;
    this.#covers = coversOf(contestants);
    this.#groupMost = new Array<Minor>(contestants.length).fill(0);
  }

  measure({ index, amount, amounts, bases, followers, slots }: Prospect): Minor {
    const scope = this.#contestants[index]?.scope ?? 0;
    this.#begin();
    let shared = this.#contestants[followers[0] ?? 0]?.scope ?? -1;
    for (const other of followers) {
      const contestant = this.#contestants[other];
      if (contestant === undefined) continue;
      const { prepared } = contestant;
      const isKnown = !prepared.readsLines && this.#covers[contestant.scope]?.[scope] === 1;
      const next = isKnown ? prepared.amountOf((bases[contestant.scope] ?? 0) - amount, []) : (amounts[other] ?? 0);
      this.#add(next, contestant.group, slots);
      if (!isKnown || contestant.scope !== shared) shared = -1;
    }
    const sum = this.#end(slots);
    return shared === -1 || slots === 1
      ? sum
      : Math.min(sum, this.#inTurn(followers, (bases[shared] ?? 0) - amount, slots));
  }

  /** What is left is least when everybody leaves least: leaving is monotone in what there was. */
  #inTurn(followers: readonly number[], base: Minor, slots: number): Minor {
    let left = base;
    for (let slot = 0; slot < slots && slot < followers.length; slot += 1) {
      let most = 0;
      for (const follower of followers) {
        const amount = this.#contestants[follower]?.prepared.amountOf(left, []) ?? 0;
        if (amount > most) most = amount;
      }
      left -= most;
    }
    return base - left;
  }

  /** The largest of these amounts, as many as there are slots, one of each group. */
  top(amounts: readonly Minor[], candidates: readonly number[], slots: number): Minor {
    this.#begin();
    for (const index of candidates) this.#add(amounts[index] ?? 0, this.#contestants[index]?.group ?? -1, slots);
    return this.#end(slots);
  }

  /** How many of the amounts measured last it takes at least to reach this. */
  needed(amount: Minor): number {
    let missing = amount;
    let count = 0;
    while (missing > 0 && count < this.#largest.length) {
      missing -= this.#largest[count] ?? 0;
      count += 1;
    }
    return count;
  }

  #begin(): void {
    this.#largest.length = 0;
    this.#groupMost.fill(0);
  }

  #add(amount: Minor, group: number, slots: number): void {
    if (group === -1) this.#insert(amount, slots);
    else if (amount > (this.#groupMost[group] ?? 0)) this.#groupMost[group] = amount;
  }

  #end(slots: number): Minor {
    for (const most of this.#groupMost) if (most > 0) this.#insert(most, slots);
    let sum = 0;
    for (const amount of this.#largest) sum += amount;
    return sum;
  }

  #insert(amount: Minor, slots: number): void {
    const largest = this.#largest;
    if (amount <= 0) return;
    let position = largest.length;
    if (position >= slots) {
      if (amount <= (largest[position - 1] ?? 0)) return;
      position -= 1;
    }
    for (; position > 0 && (largest[position - 1] ?? 0) < amount; position -= 1) {
      largest[position] = largest[position - 1] ?? 0;
    }
    largest[position] = amount;
  }
}

function coversOf(contestants: readonly Contestant[]): readonly Uint8Array[] {
  const scopes: Contestant[] = [];
  for (const one of contestants) scopes[one.scope] ??= one;
  const sets = scopes.map(({ prepared }) => new Set(prepared.lines));
  return scopes.map(({ prepared: a }, i) =>
    Uint8Array.from(scopes, ({ prepared: b }, j) => {
      if (i === j) return 1;
      return a.takesFrom === 'goods' && b.takesFrom === 'goods' && b.lines.every((line) => sets[i]?.has(line)) ? 1 : 0;
    }),
  );
}
