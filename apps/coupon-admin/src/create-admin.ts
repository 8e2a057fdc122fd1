import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { descriptorSet } from '@coupon/contracts';
import { couponSn, encodeClaimId } from '@coupon/domain';
import { ActivityStore, FlowSettingsStore, RedisConnection } from '@coupon/lua';
import { createPrisma } from '@coupon/persistence';
import { createReadModels } from '@coupon/read-models';
import {
  Health,
  Ticker,
  createAuthenticator,
  createGrpcServer,
  createHttpApp,
  createHttpServer,
  createLifecycle,
  createMetrics,
  registerAuthMetrics,
  route,
  systemClock,
} from '@coupon/service-kit';
import type { GrpcServer, HttpServer, Lifecycle, Logger } from '@coupon/service-kit';
import { cachedReads } from './adapters/cached-reads';
import { MysqlDatabase } from './adapters/mysql/mysql-database';
import { noticingWrites } from './adapters/noticed-writes';
import { reconciliationReader } from './adapters/read-reconciliation';
import { schemaCheck } from './adapters/schema-check';
import { tableReads } from './adapters/table-reads';
import type { AdminConfig } from './config';
import { couponAdminService } from './grpc/coupon-admin-service';
import { routeOf } from './http/endpoint';
import { adminEndpoints } from './http/endpoints';
import type { UseCaseDeps } from './http/endpoints';
import { openApiDocument } from './http/openapi';
import { OperationEngine } from './use-cases/operations/operation-engine';
import { OPERATION_STEPS } from './use-cases/operations/operation-steps';
import { prune } from './use-cases/prune.use-case';
import { runSchedule } from './use-cases/operations/run-schedule.use-case';
import type { ActivityStorePort, AdminDatabase, FlowSettingsPort, Ids } from './use-cases/ports';

export interface Admin {
  readonly lifecycle: Lifecycle;
  readonly http: HttpServer;
  readonly grpc: GrpcServer;
}

/** Tests put themselves between the use cases and what they use. */
export interface AdminSeams {
  readonly database?: (database: AdminDatabase) => AdminDatabase;
  readonly store?: (store: ActivityStorePort) => ActivityStorePort;
  readonly flowSettings?: (store: FlowSettingsPort) => FlowSettingsPort;
}

const VERSION = '1';
/** Four lists of a thousand ids, or a thousand users, with room to spare. */
const BODY_LIMIT_BYTES = 256 * 1024;

/** Puts the service together; nothing is started yet. */
export function createAdmin(config: AdminConfig, logger: Logger, seams: AdminSeams = {}): Admin {
  const lifecycle = createLifecycle({ logger, deadlineMs: config.shutdownDeadlineMs, clock: systemClock });
  const metrics = createMetrics({ service: 'coupon-admin' });
  const health = new Health({ clock: systemClock, state: () => lifecycle.state });
  const authenticator = createAuthenticator(config.auth, {
    onKeySetFailure: (error) => logger.warn({ err: error }, 'the key set of the tokens cannot be read'),
  });
  registerAuthMetrics(metrics.registry, authenticator.statistics);
  const prisma = createPrisma(config.mysql.url, {
    ...config.mysql,
    onConnectionError: (error) => logger.warn({ err: error }, 'a database connection broke'),
  });
  const redis = new RedisConnection(config.redis.url, {
    ...config.redis,
    ...{ connectionName: 'coupon-admin', name: 'redis', server: 'the claim Redis', logger },
  });
  health.register({ name: 'mysql', check: schemaCheck(prisma) });
  // Without Redis templates, queries and everything outside a sale still work.
  health.register({
    name: 'redis',
    optional: true,
    check: async () => {
      await redis.client.ping();
    },
  });

  const mysql = new MysqlDatabase({
    prisma,
    random: Math.random,
    sleep,
    onFault: (error) => logger.warn({ err: error }, 'the database cannot be used'),
  });
  const models = createReadModels({
    prisma,
    settings: config.cache,
    name: 'coupon-admin',
    newToken: randomUUID,
    logger,
  });
  models.registerMetrics(metrics.registry);
  const tables = seams.database?.(mysql) ?? mysql;
  const database = config.cache === null ? tables : noticingWrites(tables, models);
  const activityStore = new ActivityStore(redis.client);
  const store = seams.store?.(activityStore) ?? activityStore;
  const settingsStore = new FlowSettingsStore(redis.client);
  const flowSettings = seams.flowSettings?.(settingsStore) ?? settingsStore;
  const engine = new OperationEngine({
    database,
    store,
    flowSettings,
    steps: OPERATION_STEPS,
    clock: systemClock,
    logger,
    newOwner: randomUUID,
    leaseMs: config.operations.leaseMs,
    sleep,
  });
  const deps: UseCaseDeps = {
    database,
    store,
    flowSettings,
    engine,
    clock: systemClock,
    waitMs: config.operations.waitMs,
    ids: newIds(),
    userRatePerSecond: config.userRatePerSecond,
    readReconciliation: reconciliationReader({ prisma, redis: redis.client, sleep }),
    reads: config.cache === null ? tableReads(database) : cachedReads(models, database),
    systemStats: () => ({ cache: models.stats(), event_loop_delay: metrics.eventLoopDelay() }),
  };

  const http = createHttpServer({
    ...config.http,
    handler: createHttpApp({ logger, health, metrics, routes: routesOf(), bodyLimitBytes: BODY_LIMIT_BYTES }),
  });
  function routesOf(): ReturnType<typeof routeOf>[] {
    const endpoints = adminEndpoints(deps);
    const document = openApiDocument(endpoints, VERSION);
    return [
      route('get', '/openapi.json', (_request, response) => {
        response.json(document);
      }),
      ...endpoints.map((endpoint) => routeOf(endpoint, authenticator)),
    ];
  }
  const grpc = createGrpcServer({
    ...config.grpc,
    health,
    descriptors: descriptorSet(),
    services: [couponAdminService({ ...deps, logger, authenticator })],
  });

  lifecycle.register({ name: 'metrics', close: () => metrics.close() });
  lifecycle.register({ name: 'mysql', close: () => prisma.$disconnect() });
  lifecycle.register(redis);
  for (const component of models.components) lifecycle.register(component);
  const ticker = { clock: systemClock, logger };
  lifecycle.register(
    new Ticker({
      ...ticker,
      name: 'schedule',
      intervalMs: config.schedule.intervalMs,
      round: (stopped) =>
        runSchedule({ ...deps, engine, logger, prewarmAheadMs: config.schedule.prewarmAheadMs }, stopped),
    }),
  );
  lifecycle.register(
    new Ticker({
      ...ticker,
      name: 'housekeeping',
      intervalMs: config.housekeeping.intervalMs,
      round: (stopped) => prune({ database, ...config.housekeeping }, stopped),
    }),
  );
  lifecycle.register(grpc);
  lifecycle.register(http);
  return { lifecycle, http, grpc };
}

function newIds(): Ids {
  return {
    operationId: () => encodeClaimId(Date.now(), randomBytes(10)),
    couponSn: (nowMs) => couponSn(encodeClaimId(nowMs, randomBytes(10)), 1),
  };
}
