/**
 * An amount inside the calculator: minor units as an integer that a number holds exactly. Every amount of a checked order is at most
 * 9,999,999,999, below 2^34. Sums of them stay below 2^53, products do not: those go through mulDiv. No fraction ever arises.
 */
export type Minor = number;

/** Operands of mulDiv stay below this. */
export const OPERAND_LIMIT = 2 ** 34;

const SPLIT = 2 ** 17;

export interface Division {
  quotient: number;
  remainder: number;
}

/**
 * floor(a * b / c) and what remains, exactly, for integers 0 <= a, b < 2^34, b <= c or a <= c, 0 < c < 2^34. A product that a number cannot
 * hold is divided in two steps of 17 bits: (high * 2^17 + low) * b, no intermediate of which reaches 2^53. Writes into `out`.
 */
export function mulDiv(a: number, b: number, c: number, out: Division): void {
  const product = a * b;
  if (product <= Number.MAX_SAFE_INTEGER) {
    divide(product, c, out);
    return;
  }
  const high = Math.floor(a / SPLIT);
  divide(high * b, c, out);
  const first = out.quotient;
  divide(out.remainder * SPLIT + (a - high * SPLIT) * b, c, out);
  out.quotient += first * SPLIT;
}

/** The rounded quotient of two doubles is off by one at most; the remainder, an exact integer, tells. */
function divide(n: number, c: number, out: Division): void {
  let quotient = Math.floor(n / c);
  let remainder = n - quotient * c;
  if (remainder < 0) {
    quotient -= 1;
    remainder += c;
  } else if (remainder >= c) {
    quotient += 1;
    remainder -= c;
  }
  out.quotient = quotient;
  out.remainder = remainder;
}

/** a * b / c rounded half up, exactly; operands as for mulDiv. */
export function mulDivHalfUp(a: number, b: number, c: number): number {
  const out = { quotient: 0, remainder: 0 };
  mulDiv(a, b, c, out);
  return out.remainder * 2 >= c ? out.quotient + 1 : out.quotient;
}
