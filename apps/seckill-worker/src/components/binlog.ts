import { createHash, randomBytes } from 'node:crypto';
import type { Registry } from 'prom-client';
import { HeartbeatNotices } from '@coupon/cache-bus';
import { BINLOG_EXCHANGE, BINLOG_L2_QUEUE, HEARTBEAT_TABLE } from '@coupon/contracts';
import { RabbitMqPublisher, binlogTopology } from '@coupon/messaging';
import { createPrisma } from '@coupon/persistence';
import { systemClock } from '@coupon/service-kit';
import type { Component, Logger } from '@coupon/service-kit';
import { createBinlogMetrics } from '../adapters/binlog/binlog-metrics';
import { ImpatientClient } from '../adapters/binlog/impatient-client';
import { MysqlBinlogLedger } from '../adapters/binlog/mysql-binlog-ledger';
import { MysqlBinlogSource } from '../adapters/binlog/mysql-binlog-source';
import { MysqlHeartbeatTable } from '../adapters/binlog/mysql-heartbeat-table';
import { MysqlDeadLetterIndex } from '../adapters/mysql-dead-letter-index';
import type { WorkerConfig } from '../config';
import type { UnencodedEvent } from '../use-cases/binlog/change-encoder';
import type { MonotonicClock } from '../use-cases/binlog/monotonic-clock';
import { TailBinlog } from '../use-cases/binlog/tail-binlog.use-case';
import { WriteHeartbeats } from '../use-cases/binlog/write-heartbeats.use-case';
import type { Connections } from './connections';

/** Tables whose changes the caches follow, and the heartbeat. */
export const WATCHED_TABLES = ['coupon_templates', 'user_coupons', 'flash_sale_activities', HEARTBEAT_TABLE] as const;

const CALL_TIMEOUT_MS = 3_000;
const SILENCE_MS = 5_000;
const MAX_PARKED_CHARACTERS = 100_000;

const clock: MonotonicClock = { ...systemClock, monotonicMs: () => performance.now() };

/** Heartbeats of the caches, and unless a Canal server does it the reading of the binlog. */
export function createBinlogRole(
  config: WorkerConfig,
  connections: Connections,
  registry: Registry,
  logger: Logger,
): readonly Component[] {
  const own = new ImpatientClient(() => clientFor(config.mysql.url, logger), CALL_TIMEOUT_MS);
  const processName = `${config.instance.slice(0, 46)}-${randomBytes(6).toString('hex')}`;
  const notices = new HeartbeatNotices({ url: config.amqpUrl, name: `seckill-worker ${config.instance}`, logger });
  const heartbeats = new WriteHeartbeats({
    announce: (source, sentMs) => notices.sent({ source, sentMs }),
    table: new MysqlHeartbeatTable(own),
    source: processName,
    intervalMs: config.binlog.heartbeatMs,
    clock,
    logger,
  });
  return [
    { name: 'heartbeat connection', close: () => own.close() },
    notices,
    ...(config.binlog.url === undefined
      ? []
      : readingOf(config, config.binlog.url, processName, connections, registry, logger)),
    { name: 'heartbeats', start: () => heartbeats.start(), stopIntake: () => heartbeats.stop() },
  ];
}

function readingOf(
  config: WorkerConfig,
  url: string,
  processName: string,
  connections: Connections,
  registry: Registry,
  logger: Logger,
): Component[] {
  const database = decodeURIComponent(new URL(config.mysql.url).pathname.slice(1));
  // Three clients: none of these calls waits behind another.
  const ledgerClient = new ImpatientClient(() => clientFor(config.mysql.url, logger), CALL_TIMEOUT_MS);
  const binlogClient = new ImpatientClient(() => clientFor(url, logger), CALL_TIMEOUT_MS);
  const publisher = new RabbitMqPublisher({
    connection: connections.publishing,
    logger,
    exchange: BINLOG_EXCHANGE,
    topology: binlogTopology(),
  });
  const tail = new TailBinlog({
    source: new MysqlBinlogSource({
      url,
      client: binlogClient,
      database,
      tables: WATCHED_TABLES,
      silenceMs: SILENCE_MS,
    }),
    ledger: new MysqlBinlogLedger(ledgerClient, database, config.binlog.leaseMs),
    publisher,
    park: (fault) => park(new MysqlDeadLetterIndex(connections.prisma), fault),
    database,
    tables: WATCHED_TABLES,
    owner: processName,
    leaseMs: config.binlog.leaseMs,
    batchSize: config.binlog.batchSize,
    clock,
    random: Math.random,
    logger,
    metrics: createBinlogMetrics(registry, processName, () => clock.nowMs()),
  });
  return [
    {
      name: 'binlog connections',
      close: async () => void (await Promise.all([ledgerClient.close(), binlogClient.close()])),
    },
    { name: 'binlog publisher', start: () => publisher.start(), close: () => publisher.close() },
    { name: 'binlog', start: () => tail.start(), stopIntake: () => tail.stop() },
  ];
}

function clientFor(url: string, logger: Logger): ReturnType<typeof createPrisma> {
  return createPrisma(url, {
    poolSize: 2,
    poolIdle: 1,
    onConnectionError: (error) => logger.warn({ err: error }, 'database connection of the binlog role'),
  });
}

/** The same event, read again, is the same entry. */
async function park(index: MysqlDeadLetterIndex, { reason, event }: UnencodedEvent): Promise<void> {
  const body = JSON.stringify({ reason, event }, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  ).slice(0, MAX_PARKED_CHARACTERS);
  await index.record({
    eventId: `binlog-${createHash('sha256').update(body).digest('hex').slice(0, 56)}`,
    queue: BINLOG_L2_QUEUE,
    activityId: null,
    eventSeq: null,
    claimId: null,
    reasonCode: 'BINLOG_CHANGE_NOT_TOLD',
    reason,
    body,
  });
}
