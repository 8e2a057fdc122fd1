import { LineAllocator } from '../arithmetic/largest-remainder';
import type { Minor } from '../arithmetic/minor';
import { sumOver } from '../pricing/apply';
import type { Cart, PreparedCoupon } from '../pricing/prepared';
import { pairConflict } from '../pricing/stacking';
import { contestantsOf } from './contestants';
import type { Contestant } from './contestants';
import { NOTHING, ascending, comesBefore, isBetter } from './ranking';
import type { Standing } from './ranking';
import { Ceiling } from './ceiling';

/** Up to so many eligible coupons the answer is exact, whatever it takes. */
export const EXACT_CANDIDATES = 20;

export interface BestChoice {
  /** In order of application. */
  readonly chosen: readonly PreparedCoupon[];
  readonly optimal: boolean;
  /** No combination takes more off. */
  readonly bound: Minor;
}

export interface SearchLimits {
  readonly maxStackCount: number;
  /** Of amounts computed, with more than EXACT_CANDIDATES coupons. */
  readonly maxSteps: number;
}

/** A combination under construction: what the chosen coupons have left. */
interface Node {
  readonly depth: number;
  readonly total: Minor;
  readonly goodsLeft: Minor;
  readonly shippingLeft: Minor;
  readonly earliestEndMs: number;
}

/**
 * The best admissible combination by depth-first branch and bound (Land and Doig 1960). Combinations grow in the order of application, so a
 * node carries what its coupons have left of every line, and a child costs one amount. A branch is cut only when nothing in it can be
 * better by the whole ranking: equal totals are cut only where count, earliest end and ids cannot win either.
 */
export function findBest(cart: Cart, coupons: readonly PreparedCoupon[], limits: SearchLimits): BestChoice {
  return new BestSearch(cart, contestantsOf(coupons), limits).run();
}

class BestSearch {
  readonly #cart: Cart;
  readonly #contestants: readonly Contestant[];
  readonly #depthLimit: number;
  readonly #conflicts: readonly Uint8Array[];
  readonly #allocator: LineAllocator;
  readonly #ceiling: Ceiling;
  /** What is left of every line after so many chosen coupons. */
  readonly #left: Minor[][];
  /** What is left of the lines of a scope; -1: not added up yet. By depth, by scope. */
  readonly #bases: Minor[][];
  /** What each coupon would take next. By depth, by contestant. */
  readonly #amounts: Minor[][];
  readonly #shares: Minor[];
  readonly #chosen: number[] = [];
  readonly #isChosen: boolean[];
  #stepsLeft: number;
  #best: Standing = NOTHING;
  #bestChosen: readonly number[] = [];

  constructor(cart: Cart, contestants: readonly Contestant[], { maxStackCount, maxSteps }: SearchLimits) {
    const count = contestants.length;
    this.#cart = cart;
    this.#contestants = contestants;
    this.#depthLimit = Math.min(maxStackCount, count);
    this.#conflicts = conflictsOf(contestants);
    this.#allocator = new LineAllocator(cart.lineTotals.length);
    this.#ceiling = new Ceiling(contestants);
    const perDepth = <T>(make: () => T): T[] => Array.from({ length: this.#depthLimit + 1 }, make);
    this.#left = perDepth(() => [...cart.lineTotals]);
    this.#bases = perDepth(() => new Array<Minor>(count).fill(-1));
    this.#amounts = perDepth(() => new Array<Minor>(count).fill(0));
    this.#shares = new Array<Minor>(cart.lineTotals.length).fill(0);
    this.#isChosen = new Array<boolean>(count).fill(false);
    this.#stepsLeft = count <= EXACT_CANDIDATES ? Infinity : maxSteps;
  }

  run(): BestChoice {
    const all = this.#contestants.map(({ index }) => index);
    const { goodsTotal: goodsLeft, shippingFee: shippingLeft } = this.#cart;
    const root = { depth: 0, total: 0, goodsLeft, shippingLeft, earliestEndMs: Infinity };
    if (this.#depthLimit > 0 && all.length > 0) {
      this.#tryGreedily(root, all);
      this.#visit(root, all);
    }
    const optimal = this.#stepsLeft > 0;
    const chosen = this.#bestChosen.flatMap((index) => this.#contestants[index]?.prepared ?? []);
    return { chosen, optimal, bound: optimal ? this.#best.total : this.#rootBound(root, all) };
  }

  #visit(node: Node, candidates: readonly number[]): void {
    if (this.#stepsLeft <= 0) return;
    const live = this.#takers(node, candidates);
    const amounts = this.#amounts[node.depth] ?? [];
    for (const index of live) if (this.#isFirstOfTwins(index)) this.#offer(node, index, amounts[index] ?? 0);
    if (node.depth + 1 >= this.#depthLimit) return;
    for (let i = 0; i < live.length - 1; i += 1) {
      const index = live[i] ?? 0;
      if (!this.#isFirstOfTwins(index)) continue;
      const conflicts = this.#conflicts[index];
      const followers: number[] = [];
      for (let k = i + 1; k < live.length; k += 1) {
        const other = live[k] ?? 0;
        if (conflicts?.[other] === 0) followers.push(other);
      }
      if (followers.length === 0 || !this.#mayWin(node, index, followers)) continue;
      const child = this.#choose(node, index, amounts[index] ?? 0);
      this.#visit(child, followers);
      this.#isChosen[index] = false;
      this.#chosen.pop();
    }
  }

  #isFirstOfTwins(index: number): boolean {
    const after = this.#contestants[index]?.after ?? -1;
    return after === -1 || this.#isChosen[after] === true;
  }

  /** The candidates that would take something off next. One that takes nothing now takes nothing later either. */
  #takers({ depth, shippingLeft }: Node, candidates: readonly number[]): number[] {
    const left = this.#left[depth] ?? [];
    const bases = this.#bases[depth] ?? [];
    const amounts = this.#amounts[depth] ?? [];
    bases.fill(-1);
    this.#stepsLeft -= candidates.length;
    const takers: number[] = [];
    for (const index of candidates) {
      const contestant = this.#contestants[index];
      if (contestant === undefined) continue;
      const { prepared, scope } = contestant;
      let base = bases[scope] ?? -1;
      if (base < 0) {
        base = prepared.takesFrom === 'shipping' ? shippingLeft : sumOver(prepared.lines, left);
        bases[scope] = base;
      }
      const amount = base === 0 ? 0 : prepared.amountOf(base, left);
      amounts[index] = amount;
      if (amount > 0) takers.push(index);
    }
    return takers;
  }

  /** The combination of the chosen ones and one more. */
  #offer(node: Node, index: number, amount: Minor): void {
    const total = node.total + amount;
    const best = this.#best;
    if (total < best.total) return;
    const count = node.depth + 1;
    if (total === best.total && count > best.count) return;
    const standing = {
      total,
      count,
      earliestEndMs: Math.min(node.earliestEndMs, this.#endOf(index)),
      ranks: ascending([...this.#chosen, index].map((one) => this.#rankOf(one))),
    };
    if (!isBetter(standing, best)) return;
    this.#best = standing;
    this.#bestChosen = [...this.#chosen, index];
  }

  /** Whether a combination with `index` next and some of `followers` after it could be better than the best so far. */
  #mayWin(node: Node, index: number, followers: readonly number[]): boolean {
    const { depth } = node;
    const best = this.#best;
    const amounts = this.#amounts[depth] ?? [];
    const amount = amounts[index] ?? 0;
    const reached = node.total + amount;
    const slots = this.#depthLimit - depth - 1;
    const bases = this.#bases[depth] ?? [];
    const most = this.#ceiling.measure({ index, amount, amounts, bases, followers, slots });
    const ceiling = node.total + Math.min(amount + most, this.#leftFor(node, index, followers));
    if (ceiling !== best.total) return ceiling > best.total;
    const more = this.#ceiling.needed(best.total - reached);
    // Its parent was offered with the same total and fewer coupons.
    if (more === 0) return false;
    if (depth + 1 + more !== best.count) return depth + 1 + more < best.count;
    let end = Math.min(node.earliestEndMs, this.#endOf(index));
    for (const follower of followers) end = Math.min(end, this.#endOf(follower));
    if (end !== best.earliestEndMs) return end < best.earliestEndMs;
    const smallest = ascending(followers.map((one) => this.#rankOf(one))).slice(0, more);
    const own = [...this.#chosen, index].map((one) => this.#rankOf(one));
    return comesBefore(ascending([...own, ...smallest]), best.ranks);
  }

  /** All that these could take from: the goods, the shipping fee, or both. */
  #leftFor({ goodsLeft, shippingLeft }: Node, index: number, followers: readonly number[]): Minor {
    let goods = 0;
    let shipping = 0;
    for (const one of [index, ...followers]) {
      if (this.#contestants[one]?.prepared.takesFrom === 'shipping') shipping = shippingLeft;
      else goods = goodsLeft;
    }
    return goods + shipping;
  }

  #choose(node: Node, index: number, amount: Minor): Node {
    const contestant = this.#contestants[index];
    if (contestant === undefined) return node;
    const { prepared, scope } = contestant;
    const before = this.#left[node.depth] ?? [];
    const after = this.#left[node.depth + 1] ?? [];
    for (let line = 0; line < before.length; line += 1) after[line] = before[line] ?? 0;
    const isShipping = prepared.takesFrom === 'shipping';
    if (!isShipping) {
      const { lines } = prepared;
      const shares = this.#shares;
      this.#allocator.share(amount, this.#bases[node.depth]?.[scope] ?? 0, lines, before, shares);
      for (let i = 0; i < lines.length; i += 1) {
        const line = lines[i] ?? 0;
        after[line] = (after[line] ?? 0) - (shares[i] ?? 0);
      }
    }
    this.#chosen.push(index);
    this.#isChosen[index] = true;
    return {
      depth: node.depth + 1,
      total: node.total + amount,
      goodsLeft: isShipping ? node.goodsLeft : node.goodsLeft - amount,
      shippingLeft: isShipping ? node.shippingLeft - amount : node.shippingLeft,
      earliestEndMs: Math.min(node.earliestEndMs, this.#endOf(index)),
    };
  }

  /** A good combination to start from: the largest alone that get along. Everything with its total or more is still looked at. */
  #tryGreedily(root: Node, all: readonly number[]): void {
    this.#takers(root, all);
    const alone = this.#amounts[0] ?? [];
    const picked: number[] = [];
    for (const index of [...all].sort((a, b) => (alone[b] ?? 0) - (alone[a] ?? 0) || a - b)) {
      if (picked.length >= this.#depthLimit) break;
      if (picked.every((other) => this.#conflicts[index]?.[other] === 0)) picked.push(index);
    }
    let node = root;
    for (const index of picked.sort((a, b) => a - b)) {
      const amount = this.#takers(node, [index]).length === 0 ? 0 : (this.#amounts[node.depth]?.[index] ?? 0);
      if (amount === 0) continue;
      this.#offer(node, index, amount);
      node = this.#choose(node, index, amount);
    }
    for (const index of this.#chosen.splice(0)) this.#isChosen[index] = false;
  }

  #rootBound(root: Node, all: readonly number[]): Minor {
    this.#takers(root, all);
    const amounts = this.#amounts[0] ?? [];
    const sum = this.#ceiling.top(amounts, all, this.#depthLimit);
    return Math.min(sum, this.#cart.goodsTotal + this.#cart.shippingFee);
  }

  #endOf(index: number): number {
    return this.#contestants[index]?.prepared.coupon.validEndMs ?? Infinity;
  }

  #rankOf(index: number): number {
    return this.#contestants[index]?.rank ?? 0;
  }
}

/** 1 where two exclude each other. */
function conflictsOf(contestants: readonly Contestant[]): readonly Uint8Array[] {
  return contestants.map(({ prepared: a }) =>
    Uint8Array.from(contestants, ({ prepared: b }) => (pairConflict(a.coupon, b.coupon) === undefined ? 0 : 1)),
  );
}
