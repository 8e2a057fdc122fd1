import type { CouponTerms, OrderLine } from '../model';

/** Which lines a coupon applies to; looks lists of ids up in the cart, not the other way round: the lists are the long side. */
export class Applicability {
  readonly #byGoods: ReadonlyMap<string, readonly number[]>;
  readonly #byCategory: ReadonlyMap<string, readonly number[]>;
  readonly #count: number;

  constructor(lines: readonly OrderLine[]) {
    this.#byGoods = positionsBy(lines, ({ goodsId }) => goodsId);
    this.#byCategory = positionsBy(lines, ({ categoryId }) => categoryId);
    this.#count = lines.length;
  }

  /**
   * Positions, ascending. Null means no restriction, an empty list means nothing: both null, all lines; one given, that list; both given,
   * their union. Exclusions win. A line without a category is in no category.
   */
  linesOf(terms: CouponTerms): readonly number[] {
    const { applicableGoods, applicableCategories } = terms;
    const unrestricted = applicableGoods === null && applicableCategories === null;
    const applies = new Array<boolean>(this.#count).fill(unrestricted);
    mark(applies, this.#byGoods, applicableGoods ?? [], true);
    mark(applies, this.#byCategory, applicableCategories ?? [], true);
    mark(applies, this.#byGoods, terms.excludedGoods, false);
    mark(applies, this.#byCategory, terms.excludedCategories, false);
    return applies.flatMap((yes, index) => (yes ? [index] : []));
  }
}

function positionsBy(
  lines: readonly OrderLine[],
  keyOf: (line: OrderLine) => string | null,
): ReadonlyMap<string, readonly number[]> {
  const positions = new Map<string, number[]>();
  lines.forEach((line, index) => {
    const key = keyOf(line);
    if (key === null) return;
    const known = positions.get(key);
    if (known === undefined) positions.set(key, [index]);
    else known.push(index);
  });
  return positions;
}

function mark(
  applies: boolean[],
  positions: ReadonlyMap<string, readonly number[]>,
  ids: readonly string[],
  value: boolean,
): void {
  for (const id of ids) for (const index of positions.get(id) ?? []) applies[index] = value;
}
