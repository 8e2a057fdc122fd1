import type { Clock } from '@coupon/service-kit';
import type { Deadline, StockStrategy } from './stock-strategy';

interface Line {
  inside: number;
  /** In the order of arrival; each is told once whether it may go in. */
  readonly waiting: Set<(admitted: boolean) => void>;
}

/** Lets a few at a time through for each key, in the order of arrival. Of this process only: others have turnstiles of their own. */
export class Turnstile {
  readonly #lines = new Map<string, Line>();

  constructor(
    private readonly clock: Clock,
    private readonly atOnce: number,
  ) {}

  /** @returns false when the deadline came first; otherwise `leave` must follow */
  enter(key: string, deadline: Deadline): Promise<boolean> {
    const line = this.#lineOf(key);
    if (line.inside < this.atOnce) {
      line.inside += 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const told = (admitted: boolean): void => {
        cancel();
        line.waiting.delete(told);
        resolve(admitted);
      };
      const cancel = this.clock.after(Math.max(deadline - this.clock.nowMs(), 0), () => told(false));
      line.waiting.add(told);
    });
  }

  leave(key: string): void {
    const line = this.#lineOf(key);
    const [next] = line.waiting;
    // The place is handed on, so that nobody who comes this very moment takes it.
    if (next !== undefined) next(true);
    else {
      line.inside -= 1;
      if (line.inside === 0) this.#lines.delete(key);
    }
  }

  #lineOf(key: string): Line {
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const line: Line = { inside: 0, waiting: new Set() };
    this.#lines.set(key, line);
    return line;
  }
}

/**
 * The strategy with a turnstile per product in front. Buyers of one product who cannot all succeed at once wait here, where it costs
 * nothing, and not with a connection to MySQL in hand that buyers of other products need, nor by trying again and again.
 */
export function inLine(strategy: StockStrategy, turnstile: Turnstile): StockStrategy {
  return {
    ...strategy,
    exclusively: async (productIds, deadline, work) => {
      const entered: string[] = [];
      try {
        for (const productId of productIds) {
          if (!(await turnstile.enter(productId, deadline))) return { kind: 'busy' };
          entered.push(productId);
        }
        return await strategy.exclusively(productIds, deadline, work);
      } finally {
        for (const productId of entered) turnstile.leave(productId);
      }
    },
  };
}
