import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { REPOSITORY, labelled, queueDepth, startPlatform } from '@coupon/platform';
import type { Platform } from '@coupon/platform';
import { Supervisor, pollUntil } from '@coupon/servers';
import { OutboxStream } from '@coupon/lua';
import { median, medians, thisMachine } from '../bench';
import type { Bench, BenchContext, BenchReport, Numbers } from '../bench';
import { createFloorTables, runFloor } from './floor';
import { openSale, sellOut } from './sale';
import type { Sale } from './sale';
import { WorkerProcess } from './worker-process';

const QUEUE = 'seckill-worker.claims';
const TARGETS = { drain_coupons_per_second: 8_000, relay_events_per_second: 15_000 };
const DEFAULT_EVENTS = 200_000;
const DRAIN_TIMEOUT_MS = 600_000;

interface Bed {
  readonly mysql: Connection;
  readonly redis: Redis;
  readonly amqpUrl: string;
  readonly startWorker: (roles: string) => Promise<WorkerProcess>;
}

/**
 * What Redis has sold ends in MySQL: first from the outbox through the relay into RabbitMQ, then, with the worker started afresh in all its
 * roles, from that backlog into MySQL. Floor: the same rows by plain multi-row INSERT. Rounds alternate.
 */
export const workerBench: Bench = async (context): Promise<BenchReport> => {
  const { rounds, size = DEFAULT_EVENTS, screen } = context;
  const platform = await startPlatform({
    purpose: 'bench',
    counts: { 'seckill-worker': 1 },
    log: screen.line,
    signal: context.signal,
  });
  context.defer(() => platform.stop());
  const bed = await layBed(platform, context);
  const runs: Numbers[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const run = await runRound(bed, size, round);
    runs.push(run);
    screen.line(
      labelled(
        `round ${round}`,
        Object.entries(run)
          .map(([name, value]) => `${name} ${value}`)
          .join('  '),
      ),
    );
  }
  const figures = medians(runs);
  const { floor_coupons_per_second: floor = 0, ...median_ } = figures;
  const ratio = median(
    runs.map((run) => (run['drain_coupons_per_second'] ?? 0) / (run['floor_coupons_per_second'] ?? 1)),
  );
  const targets = Object.entries(TARGETS).map(([figure, target]) => {
    const reached = figures[figure] ?? 0;
    return { figure, target, median: reached, met: reached >= target };
  });
  for (const { figure, target, median: reached, met } of targets) {
    screen.line(labelled(met ? 'met' : 'NOT MET', `${figure} ${reached} (target ${target})`));
  }
  screen.line(labelled('floor', `${floor} coupons/s; drain / floor = ${ratio.toFixed(2)}`));
  return {
    name: 'worker',
    machine: thisMachine(),
    at: new Date().toISOString(),
    setup: {
      events: size,
      rounds,
      mysql: await mysqlVersion(bed.mysql),
      rabbitmq: platform.servers.endpoints.rabbitmq.version,
      ...(await durability(bed.mysql)),
    },
    runs,
    median: median_,
    floor: { coupons_per_second: floor },
    ratio: Number(ratio.toFixed(3)),
    targets,
  };
};

async function layBed(platform: Platform, context: BenchContext): Promise<Bed> {
  const worker = platform.one('seckill-worker');
  // Started by hand from here on, in the roles of the moment.
  await worker.stop();
  const { redis: redisServer, rabbitmq } = platform.servers.endpoints;
  const mysql = await createConnection({ uri: platform.database.adminUrl, timezone: 'Z', multipleStatements: true });
  context.defer(() => mysql.end());
  await mysql.query("SET SESSION time_zone = '+00:00', SESSION FOREIGN_KEY_CHECKS = 1");
  const redis = new Redis(redisServer.url);
  context.defer(() => redis.disconnect());
  const supervisor = await Supervisor.start({ parent: join(REPOSITORY, '.run'), purpose: 'bench-worker' });
  context.defer(() => supervisor.stop());
  await createFloorTables(mysql);
  context.defer(() => mysql.query('DROP TABLE floor_user_coupons, floor_claim_events').then(() => undefined));
  return {
    mysql,
    redis,
    amqpUrl: rabbitmq.url,
    startWorker: (roles) =>
      WorkerProcess.start({
        supervisor,
        env: { ...worker.plan.env, WORKER_ROLES: roles },
        httpUrl: worker.httpUrl,
        logFile: join(platform.logs, `worker-${roles.replaceAll(',', '-')}.log`),
      }),
  };
}

async function runRound(bed: Bed, size: number, round: number): Promise<Numbers> {
  await emptyTables(bed.mysql);
  const sale = await openSale(bed.mysql, bed.redis, size);
  const floorFirst = round % 2 === 1;
  const before = floorFirst ? await runFloor(bed.mysql, sale, size) : 0;
  await sellOut(bed.redis, sale, size);
  const relay = await relayBacklog(bed, sale, size);
  const drain = await drainBacklog(bed, sale, size);
  const floor = floorFirst ? before : await runFloor(bed.mysql, sale, size);
  return {
    relay_events_per_second: Math.round(relay.perSecond),
    relay_cpu_us_per_event: relay.cpuUs,
    drain_coupons_per_second: Math.round(drain.perSecond),
    drain_cpu_us_per_event: drain.cpuUs,
    floor_coupons_per_second: Math.round(floor),
  };
}

interface Measured {
  readonly perSecond: number;
  /** CPU time of the worker process. */
  readonly cpuUs: number;
}

/** Outbox -> RabbitMQ, from the start of the process until the last entry is confirmed, acknowledged and gone. */
async function relayBacklog(bed: Bed, { activityId }: Sale, size: number): Promise<Measured> {
  const outbox = new OutboxStream(bed.redis);
  return measure(bed, 'relay', size, async () => {
    const { length } = await outbox.pending(activityId);
    return length === 0 && (await queueDepth(bed.amqpUrl, QUEUE)) === size;
  });
}

/** RabbitMQ -> MySQL, from the start of the process, in all its roles, until the last coupon is committed; then every row is checked. */
async function drainBacklog(bed: Bed, sale: Sale, size: number): Promise<Measured> {
  const measured = await measure(bed, 'relay,consumer,reconciliation', size, async () => {
    const [[row]] = await bed.mysql.query<RowDataPacket[]>(
      'SELECT success_count FROM flash_sale_activities WHERE id = ?',
      [sale.activityId],
    );
    return Number(row?.['success_count']) === size;
  });
  await verify(bed, sale, size);
  return measured;
}

async function measure(bed: Bed, roles: string, size: number, done: () => Promise<boolean>): Promise<Measured> {
  const startedMs = performance.now();
  const worker = await bed.startWorker(roles);
  try {
    await pollUntil(
      async () => {
        if (!(await done())) throw new Error('not everything has arrived');
      },
      { timeoutMs: DRAIN_TIMEOUT_MS, intervalMs: 50, what: `the worker (${roles})` },
    );
    const seconds = (performance.now() - startedMs) / 1000;
    return { perSecond: size / seconds, cpuUs: Number(((worker.cpuSeconds() * 1e6) / size).toFixed(1)) };
  } finally {
    await worker.stop();
  }
}

/** MySQL holds exactly the rows: as many as were sold, each user and each serial number once, nothing left over anywhere. */
async function verify(bed: Bed, { activityId }: Sale, size: number): Promise<void> {
  const [[found]] = await bed.mysql.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS coupons, COUNT(DISTINCT coupon_sn) AS sns, COUNT(DISTINCT user_id) AS users,
       (SELECT COUNT(*) FROM claim_events WHERE activity_id = ?) AS events,
       (SELECT MAX(event_seq) FROM claim_events WHERE activity_id = ?) AS last_seq,
       (SELECT COUNT(*) FROM dead_letters) AS dead
     FROM user_coupons WHERE activity_id = ?`,
    [activityId, activityId, activityId],
  );
  const expected = { coupons: size, sns: size, users: size, events: size, last_seq: size, dead: 0 };
  for (const [name, value] of Object.entries(expected)) {
    if (Number(found?.[name]) !== value)
      throw new Error(`after the drain ${name} is ${String(found?.[name])}, not ${value}`);
  }
  const left = await queueDepth(bed.amqpUrl, QUEUE);
  if (left !== 0) throw new Error(`${left} messages are left in the queue`);
}

/** Every round begins with the same empty tables. */
async function emptyTables(mysql: Connection): Promise<void> {
  await mysql.query(
    'SET FOREIGN_KEY_CHECKS = 0; TRUNCATE TABLE user_coupons; TRUNCATE TABLE claim_events; SET FOREIGN_KEY_CHECKS = 1',
  );
}

async function mysqlVersion(mysql: Connection): Promise<string> {
  const [[row]] = await mysql.query<RowDataPacket[]>('SELECT VERSION() AS version');
  return String(row?.['version']);
}

async function durability(mysql: Connection): Promise<Record<string, number>> {
  const [[row]] = await mysql.query<RowDataPacket[]>(
    'SELECT @@GLOBAL.innodb_flush_log_at_trx_commit AS f, @@GLOBAL.sync_binlog AS s',
  );
  return { innodb_flush_log_at_trx_commit: Number(row?.['f']), sync_binlog: Number(row?.['s']) };
}
