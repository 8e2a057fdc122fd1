import { randomUUID } from 'node:crypto';
import { Ticker } from '@coupon/service-kit';
import { mountHttp } from '../branches/branch';
import type { ServiceModule } from '../module';
import type { ModuleContext } from '../saga-participant';
import { MysqlExpiredLocks } from './adapters/mysql-expired-locks';
import { couponBranches, couponCommands } from './coupon-branches';
import { couponSagaService } from './grpc/coupon-saga-service';
import { sweepLocks } from './use-cases/sweep-locks.use-case';
import type { LockOwners } from './use-cases/sweep-locks.use-case';

export type CouponModuleContext = Pick<ModuleContext, 'config' | 'logger' | 'clock' | 'authenticator' | 'coupons'>;

/** Coupons of orders, on database `coupon`: locked, used and given back as branches of sagas; locks nobody needs are swept. */
export function createCouponModule(
  { config, logger, clock, authenticator, coupons }: CouponModuleContext,
  { orders }: { readonly orders: LockOwners },
): ServiceModule {
  const newEventId = randomUUID;
  const commands = couponCommands({
    newEventId,
    mostCoupons: config.maxStackCount,
    lockTtlMs: config.couponLockTtlMs,
  });
  const branches = couponBranches(coupons, commands);
  const locks = new MysqlExpiredLocks(coupons, newEventId);
  const sweeper = new Ticker({
    name: 'lock sweeper',
    intervalMs: config.sweepIntervalMs,
    clock,
    logger,
    round: async (stopped) => {
      const { freed, due } = await sweepLocks({ locks, orders, logger }, stopped);
      if (freed + due > 0) logger.info({ freed_count: freed, due_count: due }, 'locks past their end');
    },
  });
  return {
    branches: [
      mountHttp(branches.lock),
      mountHttp(branches.unlock),
      mountHttp(branches.use),
      mountHttp(branches.revert),
    ],
    grpc: [
      couponSagaService({
        database: coupons,
        commands,
        branches,
        logger,
        authenticator,
        branchSecret: config.branches.secret,
      }),
    ],
    routes: [],
    components: [],
    drivers: [sweeper],
  };
}
