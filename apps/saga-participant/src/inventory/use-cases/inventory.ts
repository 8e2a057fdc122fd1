import { AppError } from '@coupon/domain';
import type { ShopDatabase } from '../../adapters/databases';
import { reading } from '../../adapters/reading';
import { untilUncontended } from './contention';
import type { PatienceDeps } from './contention';
import type { ReservedLine } from './model';
import { refuseWhatIsShort, reserveStock } from './reserve-stock.use-case';
import type { ReserveCommand } from './reserve-stock.use-case';
import { commitStock, releaseStock } from './settle-stock.use-case';
import type { ReleaseCommand, SettledLine } from './settle-stock.use-case';
import { idsOf } from './stock-lines';
import type { StockStrategy } from './stock-strategy';

export interface InventoryDeps extends PatienceDeps {
  readonly shop: ShopDatabase;
}

/** How long a caller waits for other buyers of the same product. */
const PATIENCE_MS = 5_000;

/** Stock as plain calls, each in a transaction of its own; idempotent by the order's number. */
export class Inventory {
  constructor(private readonly deps: InventoryDeps) {}

  /** @throws AppError NOT_FOUND, SOLD_OUT, CONFLICT; OVERLOADED when others were faster for too long; NOT_READY */
  async reserve(strategy: StockStrategy, command: ReserveCommand): Promise<readonly ReservedLine[]> {
    const { shop } = this.deps;
    if (strategy.looksFirst) await reading(() => refuseWhatIsShort(shop.client, command));
    const deadline = this.#deadline();
    const held = await strategy.exclusively(idsOf(command.lines), deadline, () =>
      this.#repeated(deadline, () => shop.transaction((tx) => reserveStock(tx, strategy, command))),
    );
    return held.kind === 'done' ? held.value : busy();
  }

  /** @returns the order's rows, empty when it never had any. @throws AppError OVERLOADED, NOT_READY */
  async release(command: ReleaseCommand): Promise<readonly SettledLine[]> {
    const { shop } = this.deps;
    return this.#repeated(this.#deadline(), () => shop.transaction((tx) => releaseStock(tx, command)));
  }

  /** @throws AppError CONFLICT, OVERLOADED, NOT_READY */
  async commit(orderSn: string): Promise<readonly SettledLine[]> {
    const { shop } = this.deps;
    return this.#repeated(this.#deadline(), () => shop.transaction((tx) => commitStock(tx, orderSn)));
  }

  #deadline(): number {
    return this.deps.clock.nowMs() + PATIENCE_MS;
  }

  async #repeated<T>(deadline: number, transaction: () => Promise<T>): Promise<T> {
    const result = await untilUncontended(this.deps, deadline, transaction);
    return result.kind === 'done' ? result.value : busy();
  }
}

function busy(): never {
  throw new AppError('OVERLOADED', 'too many orders for the same products at the moment');
}
