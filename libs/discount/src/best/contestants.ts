import { compareIds } from '../pricing/prepared';
import type { PreparedCoupon } from '../pricing/prepared';

/** A coupon as the search sees it. */
export interface Contestant {
  /** Position in the order of application. */
  readonly index: number;
  readonly prepared: PreparedCoupon;
  /** Position among the ids, ascending. */
  readonly rank: number;
  /** Contestants with the same number apply to the same lines. */
  readonly scope: number;
  /** Contestants of one group exclude each other; -1: none. */
  readonly group: number;
  /**
   * The twin that has to be in a combination before this one may be; -1: none. Twins have the same effect and follow each other in the
   * order of application, so swapping one for another changes no amount. Of k twins only two choices can win: the k smallest ids, or the
   * one that ends first and the k - 1 smallest others.
   */
  readonly after: number;
}

/** `coupons` in order of application. */
export function contestantsOf(coupons: readonly PreparedCoupon[]): readonly Contestant[] {
  const ranks = new Map<PreparedCoupon, number>();
  [...coupons].sort((a, b) => compareIds(a.idNumber, b.idNumber)).forEach((one, rank) => ranks.set(one, rank));
  const scopes = new Numbering();
  const groups = new Numbering();
  const numbered = coupons.map((prepared, index) => {
    const { stackGroup } = prepared.coupon.terms;
    return {
      index,
      prepared,
      rank: ranks.get(prepared) ?? 0,
      scope: scopes.of(`${prepared.takesFrom} ${prepared.takesFrom === 'goods' ? prepared.lines.join() : ''}`),
      group: stackGroup === null ? -1 : groups.of(stackGroup),
    };
  });
  const after = predecessors(numbered);
  return numbered.map((one, index) => ({ ...one, after: after[index] ?? -1 }));
}

type Numbered = Omit<Contestant, 'after'>;

function predecessors(contestants: readonly Numbered[]): number[] {
  const after = new Array<number>(contestants.length).fill(-1);
  for (const twins of twinsOf(contestants)) {
    const first = twins.reduce((a, b) => (endOf(b) < endOf(a) ? b : a));
    const others = twins.filter((one) => one !== first);
    others.forEach((one, position) => (after[one.index] = others[position - 1]?.index ?? -1));
  }
  return after;
}

function twinsOf(contestants: readonly Numbered[]): readonly (readonly Numbered[])[] {
  const classes: Numbered[][] = [];
  let key: string | undefined;
  for (const one of contestants) {
    const effect = effectKey(one);
    if (effect === key) classes.at(-1)?.push(one);
    else classes.push([one]);
    key = effect;
  }
  return classes;
}

/** Everything that decides what a coupon does once it is eligible. */
function effectKey({ prepared, scope, group }: Numbered): string {
  const { priority, type, discountValueMinor, maxDiscountMinor, ruleArgs, stackable } = prepared.coupon.terms;
  const columns = [priority, type, discountValueMinor.toString(), maxDiscountMinor?.toString() ?? '', stackable];
  return JSON.stringify([...columns, ruleArgs ?? null, scope, group]);
}

function endOf({ prepared }: Numbered): number {
  return prepared.coupon.validEndMs;
}

/** Gives equal keys the same number, counting from 0. */
class Numbering {
  readonly #numbers = new Map<string, number>();

  of(key: string): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}
