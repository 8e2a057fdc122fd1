import { createConnection } from 'mysql2/promise';
import type { Connection, ResultSetHeader } from 'mysql2/promise';
import { labelled, startPlatform } from '@coupon/platform';
import type { Platform } from '@coupon/platform';
import { pollUntil } from '@coupon/servers';
import type { BenchContext, Numbers } from '../bench';
import { LatencyHistogram } from '../load/latency-histogram';
import { BenchChild, bundle } from '../process/child';
import type { ListeningAnswer, ListeningOrder, ListeningSettings } from './listening-process';
import { machineMs } from './machine-clock';

const INSTANCES = 4;
const COMMITS_PER_SECOND = 50;
/** Coupons stored meanwhile, as a sale does it: so many in a transaction, with the counter of its activity. */
const ROWS_PER_TRANSACTION = 50;
const TRANSACTIONS_PER_SECOND = 20;
const FIRST_USER = 5_000_000;
const FIRST_BUYER = 100_000_000;
const ROWS_PER_INSERT = 500;
const SETTLE_MS = 30_000;
const ASK_MS = 60_000;

interface Commit {
  readonly user: string;
  readonly order: string;
  /** When COMMIT was sent, and when it was answered. */
  readonly sentMs: number;
  readonly answeredMs: number;
}

/**
 * From a commit in MySQL until the last of 4 instances has dropped the key from L1: through the binlog, the worker's role `binlog`, the fanout
 * and the queue of each instance, while a sale's coupons are stored.
 */
export class Invalidation {
  private rounds = 0;
  private nextBuyer = FIRST_BUYER;

  private constructor(
    private readonly tracked: Connection,
    private readonly load: Connection,
    private readonly sale: { readonly templateId: number; readonly activityId: number },
    private readonly users: readonly string[],
    private readonly instances: readonly BenchChild[],
  ) {}

  static async start(context: BenchContext, seconds: number): Promise<Invalidation> {
    const platform = await startPlatform({
      purpose: 'bench',
      counts: { 'seckill-worker': 1 },
      appEnv: { 'seckill-worker': { WORKER_ROLES: 'binlog' } },
      log: context.screen.line,
      signal: context.signal,
    });
    context.defer(() => platform.stop());
    const open = async (): Promise<Connection> => {
      const connection = await createConnection({ uri: platform.database.adminUrl, timezone: 'Z' });
      context.defer(() => connection.end());
      return connection;
    };
    const [tracked, load] = [await open(), await open()];
    const sale = await aSale(load);
    const users = Array.from({ length: seconds * COMMITS_PER_SECOND }, (_, index) => String(FIRST_USER + index));
    for (let from = 0; from < users.length; from += ROWS_PER_INSERT)
      await insertCoupons(load, sale.templateId, users.slice(from, from + ROWS_PER_INSERT));
    return new Invalidation(tracked, load, sale, users, await startInstances(platform, context));
  }

  async run(signal: AbortSignal): Promise<Numbers> {
    this.rounds += 1;
    await this.warm();
    const lapsesBefore = lapsesOf(await this.ask({}));
    const stopping = new AbortController();
    const loading = this.storeCoupons(stopping.signal);
    loading.catch(() => undefined); // reported below
    const startedMs = machineMs();
    let commits: Commit[];
    let stored: number;
    try {
      commits = await this.commit(signal);
    } finally {
      stopping.abort();
      stored = await loading;
    }
    const seconds = (machineMs() - startedMs) / 1_000;
    const answers = await this.untilHeard(commits);
    return {
      ...figuresOf(commits, answers),
      load_rows_per_second: Math.round(stored / seconds),
      invalidation_lapses: lapsesOf(answers) - lapsesBefore,
    };
  }

  /** A heartbeat that was missed meanwhile empties L1 once more. */
  private async warm(): Promise<void> {
    await pollUntil(
      async () => {
        for (const { held, lapses } of await this.ask({ warm: this.users }))
          if (held !== this.users.length)
            throw new Error(`${held} of ${this.users.length} lists, after ${lapses} lapses`);
      },
      { timeoutMs: SETTLE_MS, intervalMs: 500, what: 'all lists in L1' },
    );
  }

  /** One coupon after the other is changed, at an even pace. */
  private async commit(signal: AbortSignal): Promise<Commit[]> {
    const commits: Commit[] = [];
    const startedMs = machineMs();
    for (const [index, user] of this.users.entries()) {
      signal.throwIfAborted();
      await until(startedMs + (index * 1_000) / COMMITS_PER_SECOND);
      const order = `r${this.rounds}-${user}`;
      await this.tracked.query('BEGIN');
      await this.tracked.query('UPDATE user_coupons SET order_sn = ? WHERE user_id = ?', [order, user]);
      const sentMs = machineMs();
      await this.tracked.query('COMMIT');
      commits.push({ user, order, sentMs, answeredMs: machineMs() });
    }
    return commits;
  }

  /** @returns rows stored */
  private async storeCoupons(signal: AbortSignal): Promise<number> {
    const startedMs = machineMs();
    let transactions = 0;
    while (!signal.aborted) {
      await until(startedMs + (transactions * 1_000) / TRANSACTIONS_PER_SECOND);
      const buyers = Array.from({ length: ROWS_PER_TRANSACTION }, () => String((this.nextBuyer += 1)));
      await this.load.query('BEGIN');
      await insertCoupons(this.load, this.sale.templateId, buyers);
      await this.load.query(
        'UPDATE flash_sale_activities SET success_count = success_count + ?, updated_at = CURRENT_TIMESTAMP(3) WHERE id = ?',
        [ROWS_PER_TRANSACTION, this.sale.activityId],
      );
      await this.load.query('COMMIT');
      transactions += 1;
    }
    return transactions * ROWS_PER_TRANSACTION;
  }

  /** Every instance has dropped every list after its commit, and a reader has found there what was committed. */
  private async untilHeard(commits: readonly Commit[]): Promise<readonly ListeningAnswer[]> {
    let answers: readonly ListeningAnswer[] = [];
    await pollUntil(
      async () => {
        answers = await this.ask({});
        for (const [index, { drops }] of answers.entries())
          for (const { user, order, sentMs } of commits) {
            const noted = drops[user];
            if (noted?.order !== order || dropAfter(noted.atMs, sentMs) === undefined)
              throw new Error(`instance ${index + 1} has not heard of ${order}: ${JSON.stringify(noted)}`);
          }
      },
      { timeoutMs: SETTLE_MS, intervalMs: 200, what: 'the last change' },
    );
    return answers;
  }

  private ask(order: ListeningOrder): Promise<ListeningAnswer[]> {
    return Promise.all(this.instances.map((child) => child.ask<ListeningAnswer>(order, ASK_MS)));
  }
}

function figuresOf(commits: readonly Commit[], answers: readonly ListeningAnswer[]): Numbers {
  const [first, last, floor] = [new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram()];
  for (const { user, sentMs, answeredMs } of commits) {
    const times = answers.map(({ drops }) => dropAfter(drops[user]?.atMs ?? [], sentMs) ?? Infinity);
    first.recordUs((Math.min(...times) - sentMs) * 1_000);
    last.recordUs((Math.max(...times) - sentMs) * 1_000);
    floor.recordUs((answeredMs - sentMs) * 1_000);
  }
  const ms = (histogram: LatencyHistogram, share: number): number =>
    Math.round(histogram.percentileUs(share) / 10) / 100;
  return {
    invalidations: commits.length,
    commit_to_last_drop_p50_ms: ms(last, 0.5),
    commit_to_last_drop_p99_ms: ms(last, 0.99),
    commit_to_last_drop_max_ms: ms(last, 1),
    commit_to_first_drop_p50_ms: ms(first, 0.5),
    floor_commit_p50_ms: ms(floor, 0.5),
    floor_commit_p99_ms: ms(floor, 0.99),
  };
}

/** Drops of before belong to earlier changes. */
function dropAfter(atMs: readonly number[], sentMs: number): number | undefined {
  return atMs.find((time) => time >= sentMs);
}

function lapsesOf(answers: readonly ListeningAnswer[]): number {
  return answers.reduce((sum, { lapses }) => sum + lapses, 0);
}

async function startInstances(platform: Platform, { defer, screen }: BenchContext): Promise<BenchChild[]> {
  const { redis, rabbitmq } = platform.servers.endpoints;
  const instances: BenchChild[] = [];
  for (let index = 1; index <= INSTANCES; index += 1) {
    const settings: ListeningSettings = {
      name: `bench-${index}`,
      mysqlUrl: platform.database.appUrls['coupon-admin'] ?? '',
      amqpUrl: rabbitmq.url,
      redisUrl: redis.url,
    };
    const child = await BenchChild.start(await bundle('cache/listening-process'), [JSON.stringify(settings)]);
    defer(() => child.stop());
    instances.push(child);
  }
  screen.line(labelled('instances', `${INSTANCES} hear heartbeats`));
  return instances;
}

async function aSale(mysql: Connection): Promise<{ templateId: number; activityId: number }> {
  const [{ insertId: templateId }] = await mysql.query<ResultSetHeader>(
    `INSERT INTO coupon_templates (name, type, discount_type, discount_value, total_count, valid_start_time, valid_end_time)
     VALUES ('bench', 1, 1, '20.00', 100000000, '2026-01-01', '2037-01-01')`,
  );
  const [{ insertId: activityId }] = await mysql.query<ResultSetHeader>(
    `INSERT INTO flash_sale_activities (coupon_id, name, total_count, start_time, end_time, status)
     VALUES (?, 'bench', 100000000, '2026-01-01', '2037-01-01', 2)`,
    [templateId],
  );
  return { templateId, activityId };
}

async function insertCoupons(mysql: Connection, templateId: number, users: readonly string[]): Promise<void> {
  const rows = users.map((user) => [templateId, user, `B${user}`, '2026-01-01', '2037-01-01', 'grant']);
  await mysql.query(
    'INSERT INTO user_coupons (coupon_id, user_id, coupon_sn, valid_start_time, valid_end_time, source) VALUES ?',
    [rows],
  );
}

async function until(dueMs: number): Promise<void> {
  const waitMs = dueMs - machineMs();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}
