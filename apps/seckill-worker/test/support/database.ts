import { randomBytes } from 'node:crypto';
import { EMBEDDED_MIGRATIONS, applyGrants, applyMigrations, createPrisma } from '@coupon/persistence';
import type { PrismaClient } from '@coupon/persistence';
import { useMysqlDatabase } from '@coupon/testing';
import type { MysqlDatabase } from '@coupon/testing';
import type { Place } from './events';

export interface TemplateShape {
  readonly validStart?: string;
  readonly validEnd?: string;
  readonly validDays?: number | null;
}

export interface ActivityTotals {
  readonly success_count: number;
  readonly coupons: number;
  readonly live: number;
  readonly events: number;
}

export interface WorkerDatabase {
  readonly database: MysqlDatabase;
  readonly prisma: PrismaClient;
  /** A published template and a loaded activity of it that is running. */
  anActivity(options?: { total?: number; template?: TemplateShape; ended?: boolean }): Promise<Place>;
  totals(activityId: string): Promise<ActivityTotals>;
}

/** A migrated database of its own and a client for it, which may do what the worker's MySQL user may do and nothing else. */
export function useWorkerDatabase(): WorkerDatabase {
  const user = `t_worker_${randomBytes(4).toString('hex')}`;
  // Before the database's own hook: Jest runs these in the order in which they are registered.
  afterAll(async () => {
    await prisma?.$disconnect();
    await database.query(`DROP USER IF EXISTS '${user}'@'%'`);
  });
  const database = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }) });
  let prisma: PrismaClient | undefined;
  beforeAll(async () => {
    const password = randomBytes(12).toString('hex');
    const passwords = { worker: password };
    await applyGrants(database.serverUrl, { database: database.name, passwords, users: { worker: user } });
    const url = Object.assign(new URL(database.url), { username: user, password });
    prisma = createPrisma(url.toString(), { poolSize: 8, poolIdle: 2 });
  });
  return {
    database,
    get prisma() {
      if (prisma === undefined) throw new Error('the client exists only while hooks and tests run');
      return prisma;
    },
    anActivity: (options) => insertActivity((sql, values) => database.query(sql, values), options),
    totals: (activityId) => readTotals((sql, values) => database.query(sql, values), activityId),
  };
}

type Query = <Row extends object>(sql: string, values?: readonly (string | number | null)[]) => Promise<Row[]>;

export async function insertActivity(
  query: Query,
  options: { total?: number; template?: TemplateShape; ended?: boolean } = {},
): Promise<Place> {
  const { total = 10_000, template = {}, ended = false } = options;
  await query(
    `INSERT INTO coupon_templates (name, type, discount_type, discount_value, total_count, allocated_count,
       valid_start_time, valid_end_time, valid_days_after_claim) VALUES ('ten off', 1, 1, 10, ?, ?, ?, ?, ?)`,
    [
      total,
      total,
      template.validStart ?? '2026-01-01 00:00:00',
      template.validEnd ?? '2027-01-01 00:00:00',
      template.validDays ?? null,
    ],
  );
  const [first] = await query<{ id: string }>('SELECT LAST_INSERT_ID() AS id');
  const templateId = String(first?.id);
  await query(
    `INSERT INTO flash_sale_activities (coupon_id, name, total_count, start_time, end_time, status, loaded_at)
     VALUES (?, 'noon', ?, '2026-01-01 00:00:00', ?, 2, CURRENT_TIMESTAMP(3))`,
    [templateId, total, ended ? '2026-01-02 00:00:00' : '2037-01-01 00:00:00'],
  );
  const [second] = await query<{ id: string }>('SELECT LAST_INSERT_ID() AS id');
  return { activityId: String(second?.id), templateId };
}

export async function readTotals(query: Query, activityId: string): Promise<ActivityTotals> {
  const [row] = await query<Record<keyof ActivityTotals, string | number>>(
    `SELECT a.success_count,
       (SELECT COUNT(*) FROM user_coupons c WHERE c.activity_id = a.id) AS coupons,
       (SELECT COUNT(*) FROM user_coupons c WHERE c.activity_id = a.id AND c.status <> 5) AS live,
       (SELECT COUNT(*) FROM claim_events e WHERE e.activity_id = a.id) AS events
     FROM flash_sale_activities a WHERE a.id = ?`,
    [activityId],
  );
  if (row === undefined) throw new Error(`no activity ${activityId}`);
  return {
    success_count: Number(row.success_count),
    coupons: Number(row.coupons),
    live: Number(row.live),
    events: Number(row.events),
  };
}
