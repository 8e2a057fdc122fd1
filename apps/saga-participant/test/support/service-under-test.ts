import { randomUUID } from 'node:crypto';
import { descriptorSet } from '@coupon/contracts';
import { applyMigrations, createPrisma } from '@coupon/persistence';
import { createReadModels } from '@coupon/read-models';
import { createHttpBranches } from '@coupon/saga';
import {
  Health,
  createAuthenticator,
  createGrpcServer,
  createHttpApp,
  createHttpServer,
  createLogger,
  createMetrics,
  systemClock,
} from '@coupon/service-kit';
import type { Component } from '@coupon/service-kit';
import { Router } from 'express';
import { openCouponDatabase, openShopDatabase } from '../../src/adapters/databases';
import { requireBranchSecret } from '../../src/branches/branch-secret';
import { branchAddress, loadSagaConfig } from '../../src/config';
import { EMBEDDED_MIGRATIONS } from '../../src/migrations/generated/migrations';
import type { ServiceModule } from '../../src/module';
import type { ModuleContext } from '../../src/saga-participant';

export const WEBHOOK_SECRET = 'a secret of the provider';

/** Brings an empty database to the schema of `shop`. */
export function migrateShop(url: string): Promise<unknown> {
  return applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS });
}

export interface ServiceUnderTest {
  readonly context: ModuleContext;
  readonly http: string;
  readonly grpc: string;
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly modules: (context: ModuleContext) => readonly ServiceModule[];
  /** What the service logs, line by line. */
  readonly onLog?: (line: string) => void;
}

/** Some modules behind real servers of this process, without the others. Servers that the environment does not name are not there. */
export async function startService({ environment, modules, onLog }: ServiceOptions): Promise<ServiceUnderTest> {
  const config = loadSagaConfig({
    ...{ HTTP_HOST: '127.0.0.1', HTTP_PORT: '0', GRPC_PORT: '0', AUTH_MODE: 'none' },
    ...{ MYSQL_URL: 'mysql://u:p@127.0.0.1:1/coupon', SHOP_MYSQL_URL: 'mysql://u:p@127.0.0.1:1/shop' },
    ...{ AMQP_URL: 'amqp://127.0.0.1:1', DTM_URL: 'http://127.0.0.1:1', DTM_GRPC_ADDRESS: '127.0.0.1:1' },
    PAYMENT_WEBHOOK_SECRET: WEBHOOK_SECRET,
    ...environment,
  });
  const logger = createLogger({
    ...{ name: 'test', level: onLog === undefined ? 'silent' : 'debug' },
    destination: { write: (line: string) => onLog?.(line) },
  });
  const health = new Health({ clock: systemClock, state: () => 'RUNNING', reuseMs: 0 });
  const metrics = createMetrics({ service: 'test' });
  const pool = { ...config.mysqlPool, poolIdle: 1, onConnectionError: () => undefined };
  const coupons = openCouponDatabase(config.couponMysqlUrl, pool);
  const shop = openShopDatabase(config.shopMysqlUrl, pool);
  const cacheOrigin = createPrisma(config.couponMysqlUrl, { ...pool, poolSize: 4 });
  const reads = createReadModels({
    prisma: cacheOrigin,
    settings: config.cache,
    name: 'test',
    newToken: randomUUID,
    logger,
  });
  const context: ModuleContext = {
    ...{ config, logger, clock: systemClock, metrics, health, coupons, shop, reads },
    authenticator: createAuthenticator(config.auth, {}),
    branchAddress: () => branchAddress(config, { http: http.port, grpc: grpc.port }),
  };
  const parts = modules(context);
  const branches = createHttpBranches(
    parts.flatMap((part) => part.branches.flatMap((branch) => branch.http)),
    { onFault: (error, branch) => logger.error({ err: error, gid: branch?.gid }, 'a branch failed') },
  );
  const app = createHttpApp({
    ...{ logger, health, metrics },
    before: [Router().use('/dtm', requireBranchSecret(config.branches.secret), branches)],
    routes: parts.flatMap((part) => part.routes),
  });
  const http = createHttpServer({ ...config.http, handler: app });
  const services = parts.flatMap((part) => part.grpc);
  const grpc = createGrpcServer({ ...config.grpc, services, health, descriptors: descriptorSet() });
  const components: Component[] = [
    ...reads.components,
    ...parts.flatMap((part) => part.components),
    grpc,
    http,
    ...parts.flatMap((part) => part.drivers),
  ];
  for (const component of components) await component.start?.();
  return {
    context,
    http: `http://127.0.0.1:${http.port}`,
    grpc: `127.0.0.1:${grpc.port}`,
    close: async () => {
      const reverse = [...components].reverse();
      for (const component of reverse) await component.stopIntake?.();
      for (const component of reverse) await component.drain?.(AbortSignal.timeout(10_000));
      for (const component of reverse) await component.close?.();
      await Promise.all([coupons.close(), shop.close(), cacheOrigin.$disconnect()]);
      metrics.close();
    },
  };
}
