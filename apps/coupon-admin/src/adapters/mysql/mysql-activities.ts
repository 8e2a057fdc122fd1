import { ACTIVITY_STATUS, TEMPLATE_STATUS } from '@coupon/domain';
import type { ActivityId, ActivityStatus, TemplateId } from '@coupon/domain';
import type { Prisma } from '@coupon/persistence';
import type { Page } from '@coupon/service-kit';
import type { Activity, ActivityFields } from '../../use-cases/model';
import type { ActivityChange, ActivityRepository } from '../../use-cases/ports';
import { activityOf } from './rows';

export class MysqlActivities implements ActivityRepository {
  constructor(private readonly db: Prisma.TransactionClient) {}

  async insert(couponId: TemplateId, fields: ActivityFields): Promise<Activity> {
    const row = await this.db.flashSaleActivity.create({
      data: {
        couponId: BigInt(couponId),
        name: fields.name,
        totalCount: fields.totalCount,
        perUserLimit: fields.perUserLimit,
        startTime: new Date(fields.startMs),
        endTime: new Date(fields.endMs),
        hiddenPath: fields.hiddenPath,
      },
    });
    return activityOf(row);
  }

  async get(id: ActivityId): Promise<Activity | null> {
    const row = await this.db.flashSaleActivity.findUnique({ where: { id: BigInt(id) } });
    return row && activityOf(row);
  }

  async lock(id: ActivityId): Promise<Activity | null> {
    await this.db.$queryRaw`SELECT id FROM flash_sale_activities WHERE id = ${BigInt(id)} FOR UPDATE`;
    return this.get(id);
  }

  async update(id: ActivityId, change: ActivityChange): Promise<Activity> {
    const { name, totalCount, perUserLimit, startMs, endMs, hiddenPath, status, pausedAtMs, loadedAtMs } = change;
    const row = await this.db.flashSaleActivity.update({
      where: { id: BigInt(id) },
      data: {
        ...(name === undefined ? {} : { name }),
        ...(totalCount === undefined ? {} : { totalCount }),
        ...(perUserLimit === undefined ? {} : { perUserLimit }),
        ...(startMs === undefined ? {} : { startTime: new Date(startMs) }),
        ...(endMs === undefined ? {} : { endTime: new Date(endMs) }),
        ...(hiddenPath === undefined ? {} : { hiddenPath }),
        ...(status === undefined ? {} : { status }),
        ...(pausedAtMs === undefined ? {} : { pausedAt: dateOf(pausedAtMs) }),
        ...(loadedAtMs === undefined ? {} : { loadedAt: dateOf(loadedAtMs) }),
        version: { increment: 1 },
      },
    });
    return activityOf(row);
  }

  async list(
    filter: { readonly status?: ActivityStatus; readonly couponId?: TemplateId },
    page: Page,
  ): Promise<Activity[]> {
    const rows = await this.db.flashSaleActivity.findMany({
      where: {
        ...(filter.status === undefined ? {} : { status: filter.status }),
        ...(filter.couponId === undefined ? {} : { couponId: BigInt(filter.couponId) }),
        ...(page.beforeId === null ? {} : { id: { lt: BigInt(page.beforeId) } }),
      },
      orderBy: { id: 'desc' },
      take: page.limit,
    });
    return rows.map(activityOf);
  }

  async largestLimit(couponId: TemplateId): Promise<number> {
    const { _max } = await this.db.flashSaleActivity.aggregate({
      where: { couponId: BigInt(couponId), status: { not: ACTIVITY_STATUS.ended } },
      _max: { perUserLimit: true },
    });
    return _max.perUserLimit ?? 0;
  }

  async onSale(couponId: TemplateId, limit: number): Promise<Activity[]> {
    const rows = await this.db.flashSaleActivity.findMany({
      where: { couponId: BigInt(couponId), status: { not: ACTIVITY_STATUS.ended }, loadedAt: { not: null } },
      orderBy: { id: 'asc' },
      take: limit,
    });
    return rows.map(activityOf);
  }

  async dueToLoad(aheadMs: number, limit: number): Promise<ActivityId[]> {
    const rows = await this.db.$queryRaw<IdRow[]>`
      SELECT a.id FROM flash_sale_activities a JOIN coupon_templates t ON t.id = a.coupon_id
      WHERE a.status = ${ACTIVITY_STATUS.pending} AND a.loaded_at IS NULL AND t.status = ${TEMPLATE_STATUS.published}
        AND a.start_time <= CURRENT_TIMESTAMP(3) + INTERVAL ${Math.ceil(aheadMs / 1000)} SECOND
        AND a.end_time > CURRENT_TIMESTAMP(3)
      ORDER BY a.start_time LIMIT ${limit}`;
    return idsOf(rows);
  }

  async dueToStart(limit: number): Promise<ActivityId[]> {
    const rows = await this.db.$queryRaw<IdRow[]>`
      SELECT a.id FROM flash_sale_activities a JOIN coupon_templates t ON t.id = a.coupon_id
      WHERE a.status = ${ACTIVITY_STATUS.pending} AND t.status = ${TEMPLATE_STATUS.published}
        AND a.start_time <= CURRENT_TIMESTAMP(3) AND a.end_time > CURRENT_TIMESTAMP(3)
      ORDER BY a.start_time LIMIT ${limit}`;
    return idsOf(rows);
  }

  async dueToEnd(limit: number): Promise<ActivityId[]> {
    const rows = await this.db.$queryRaw<IdRow[]>`
      SELECT id FROM flash_sale_activities
      WHERE status IN (${ACTIVITY_STATUS.pending}, ${ACTIVITY_STATUS.running}) AND end_time <= CURRENT_TIMESTAMP(3)
      ORDER BY end_time LIMIT ${limit}`;
    return idsOf(rows);
  }

  async watchAgain(id: ActivityId): Promise<boolean> {
    // The lock first: a conditional UPDATE alone may judge the row by its last committed state and not wait for who is changing it.
    await this.db.$queryRaw`SELECT id FROM flash_sale_activities WHERE id = ${BigInt(id)} FOR UPDATE`;
    const rows = await this.db.$executeRaw`
      UPDATE flash_sale_activities SET drained_at = NULL
      WHERE id = ${BigInt(id)} AND drained_at IS NOT NULL AND archived_at IS NULL`;
    return rows === 1;
  }
}

interface IdRow {
  readonly id: bigint;
}

function idsOf(rows: readonly IdRow[]): ActivityId[] {
  return rows.map((row) => String(row.id) as ActivityId);
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}
