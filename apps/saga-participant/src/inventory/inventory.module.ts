import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from '@coupon/domain';
import { RedisConnection } from '@coupon/lua';
import type { Authenticator, Clock, Health, Logger } from '@coupon/service-kit';
import type { ShopDatabase } from '../adapters/databases';
import { mountHttp } from '../branches/branch';
import type { SagaConfig, StockStrategy as StrategyName } from '../config';
import type { ServiceModule } from '../module';
import { inventoryBranches } from './branches/inventory-branches';
import { inventorySagaService } from './grpc/inventory-saga-service';
import { productRoutes } from './http/product-routes';
import { createLockStrategy } from './strategies/lock-strategy';
import { optimisticStrategy } from './strategies/optimistic-strategy';
import { pessimisticStrategy } from './strategies/pessimistic-strategy';
import { Inventory } from './use-cases/inventory';
import type { InventoryDeps } from './use-cases/inventory';
import type { StockStrategy } from './use-cases/stock-strategy';
import { Turnstile, inLine } from './use-cases/turnstile';

export interface InventoryContext {
  readonly config: Pick<SagaConfig, 'redisUrl' | 'stockStrategy' | 'branches'>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly health: Health;
  readonly authenticator: Authenticator;
  readonly shop: ShopDatabase;
}

/** Shorter than a caller's patience, so that those who wait outlive a holder that has died. */
const LOCK_HOLD_MS = 3_000;

/**
 * Orders of one product under way at once in a process. One more than works at the row lets the next one be there when it is free; among
 * optimists all but one would work for nothing.
 */
const AT_ONCE: Readonly<Record<StrategyName, number>> = { pessimistic: 4, optimistic: 4, lock: 1 };

/** Catalogue, stock and the branches of InventorySaga, on database `shop`. */
export function createInventoryModule(context: InventoryContext): ServiceModule {
  const { config, logger, clock, health, authenticator, shop } = context;
  const redis = config.redisUrl === undefined ? undefined : lockRedis(config.redisUrl, logger);
  if (redis !== undefined) {
    health.register({
      name: 'redis',
      optional: config.stockStrategy !== 'lock',
      check: async () => {
        await redis.client.ping();
      },
    });
  }
  const deps = { shop, clock, sleep, random: Math.random };
  const strategies = strategiesOf(deps, redis?.client, logger);
  const strategy = (name: StrategyName = config.stockStrategy): StockStrategy => {
    const found = strategies[name];
    if (found !== undefined) return found;
    throw InvalidArgumentError.of('strategy', `${name} is not available here: CACHE_REDIS_URL is not set`);
  };
  const inventory = new Inventory(deps);
  const branches = inventoryBranches(deps, strategy());
  return {
    branches: [mountHttp(branches.reserve), mountHttp(branches.release), mountHttp(branches.commit)],
    grpc: [
      inventorySagaService({
        inventory,
        strategy: strategy(),
        branches,
        logger,
        authenticator,
        branchSecret: config.branches.secret,
      }),
    ],
    routes: productRoutes({ shop, inventory, authenticator, strategy }),
    components: redis === undefined ? [] : [redis],
    drivers: [],
  };
}

function lockRedis(url: string, logger: Logger): RedisConnection {
  return new RedisConnection(url, {
    ...{ connectionName: 'saga-participant', name: 'lock redis', server: 'the Redis of the stock locks', logger },
  });
}

function strategiesOf(
  deps: InventoryDeps & { readonly clock: Clock },
  redis: RedisConnection['client'] | undefined,
  logger: Logger,
): Readonly<Record<StrategyName, StockStrategy | undefined>> {
  const queued = (strategy: StockStrategy): StockStrategy =>
    inLine(strategy, new Turnstile(deps.clock, AT_ONCE[strategy.name]));
  return {
    pessimistic: queued(pessimisticStrategy),
    optimistic: queued(optimisticStrategy),
    lock: redis && queued(createLockStrategy({ ...deps, redis, logger, newToken: randomUUID, holdMs: LOCK_HOLD_MS })),
  };
}
