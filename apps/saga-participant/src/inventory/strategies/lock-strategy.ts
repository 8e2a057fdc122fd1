import { AppError } from '@coupon/domain';
import { acquireLock, meansNothingHappened, releaseLock } from '@coupon/lua';
import type { ClaimRedis } from '@coupon/lua';
import type { Logger } from '@coupon/service-kit';
import { readStock, takeIfEnough } from '../adapters/stock-rows';
import { pause } from '../use-cases/contention';
import type { PatienceDeps } from '../use-cases/contention';
import type { ProductId } from '../use-cases/model';
import type { Deadline, StockStrategy } from '../use-cases/stock-strategy';
import { lineByLine } from './line-by-line';

export interface LockStrategyDeps extends PatienceDeps {
  readonly redis: ClaimRedis;
  readonly logger: Pick<Logger, 'warn'>;
  /** Unguessable, another one each time. */
  readonly newToken: () => string;
  /** After this long a lock whose holder has died is free. */
  readonly holdMs: number;
}

/**
 * A lock in Redis per product, held around the transaction. The lock keeps the buyers of a product from meeting in MySQL; it does not
 * decide: a holder that was paused past the lock's end, or a Redis that has forgotten it, leaves two at work, and then the conditional
 * UPDATE tells who comes too late.
 */
export function createLockStrategy(deps: LockStrategyDeps): StockStrategy {
  return Object.freeze({
    name: 'lock',
    looksFirst: true,
    take: lineByLine(async (tx, line) => {
      const taken = await takeIfEnough(tx, line);
      const [product] = await readStock(tx, [line.productId]);
      if (product === undefined) return { kind: 'missing' };
      // Units that were given back between the two statements are there for whoever tries again.
      if (!taken)
        return product.stock < line.quantity ? { kind: 'short', available: product.stock } : { kind: 'contended' };
      return { kind: 'taken', line: { ...line, remaining: product.stock, version: product.version } };
    }),
    exclusively: async (productIds, deadline, work) => {
      const token = deps.newToken();
      const held: string[] = [];
      try {
        for (const productId of productIds) {
          if (!(await acquireInTime(deps, { name: lockName(productId), token, deadline, held })))
            return { kind: 'busy' };
        }
        return { kind: 'done', value: await work() };
      } finally {
        await Promise.all(held.map((name) => giveBack(deps, name, token)));
      }
    },
  } satisfies StockStrategy);
}

function lockName(productId: ProductId): string {
  return `stock:${productId}`;
}

interface Acquisition {
  readonly name: string;
  readonly token: string;
  readonly deadline: Deadline;
  /** Locks to be given back. */
  readonly held: string[];
}

async function acquireInTime(deps: LockStrategyDeps, { name, token, deadline, held }: Acquisition): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    const { kind } = await acquireLock(deps.redis, name, token, deps.holdMs).catch((error: unknown) => {
      // The answer may have been lost on the way back.
      if (!meansNothingHappened(error)) held.push(name);
      throw new AppError('NOT_READY', 'the stock lock cannot be had: Redis does not answer', { cause: error });
    });
    if (kind === 'held') {
      held.push(name);
      return true;
    }
    if (!(await pause(deps, tries, deadline))) return false;
  }
}

/** A lock that cannot be given back ends by itself: the reservation stands as it is. */
async function giveBack({ redis, logger }: LockStrategyDeps, name: string, token: string): Promise<void> {
  try {
    await releaseLock(redis, name, token);
  } catch (error) {
    logger.warn({ err: error, lock: name }, 'a stock lock was not given back; it ends by itself');
  }
}
