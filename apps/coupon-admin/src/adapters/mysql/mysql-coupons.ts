import { USER_COUPON_STATUS } from '@coupon/domain';
import type { ClaimId, TemplateId, UserId } from '@coupon/domain';
import { classifyMysqlError } from '@coupon/persistence';
import type { Prisma } from '@coupon/persistence';
import type { Page } from '@coupon/service-kit';
import type { NewUserCoupon, UserCoupon } from '../../use-cases/model';
import type {
  CouponFilter,
  CouponHistory,
  CouponRepository,
  CouponSelection,
  CouponWithTemplate,
} from '../../use-cases/ports';
import { couponOf, templateOf, transitionOf } from './rows';

const ROWS_PER_INSERT = 500;
/** A coupon that has been through more than that shows its latest changes. */
const MOST_TRANSITIONS = 500;

export class MysqlCoupons implements CouponRepository {
  constructor(private readonly db: Prisma.TransactionClient) {}

  async countLive(couponId: TemplateId, userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, number>> {
    const groups = await this.db.userCoupon.groupBy({
      by: ['userId'],
      where: {
        userId: { in: userIds.map(BigInt) },
        couponId: BigInt(couponId),
        status: { not: USER_COUPON_STATUS.void },
      },
      _count: { _all: true },
    });
    return new Map(groups.map((group) => [String(group.userId) as UserId, group._count._all]));
  }

  async insertMany(rows: readonly NewUserCoupon[]): Promise<void> {
    for (let at = 0; at < rows.length; at += ROWS_PER_INSERT) {
      await this.db.userCoupon.createMany({
        data: rows.slice(at, at + ROWS_PER_INSERT).map((row) => ({
          couponId: BigInt(row.couponId),
          userId: BigInt(row.userId),
          couponSn: row.couponSn,
          obtainTime: new Date(row.obtainMs),
          validStartTime: new Date(row.validStartMs),
          validEndTime: new Date(row.validEndMs),
          source: row.source,
        })),
      });
    }
  }

  async lockClaim(claimId: ClaimId): Promise<UserCoupon[]> {
    await this.db.$queryRaw`SELECT id FROM user_coupons WHERE claim_id = ${claimId} FOR UPDATE`;
    const rows = await this.db.userCoupon.findMany({ where: { claimId }, orderBy: { couponSn: 'asc' } });
    return rows.map(couponOf);
  }

  async makeVoid(ids: readonly string[]): Promise<void> {
    const { unused, void: gone } = USER_COUPON_STATUS;
    const { count } = await this.db.userCoupon.updateMany({
      where: { id: { in: ids.map(BigInt) }, status: unused },
      data: { status: gone, slot: null },
    });
    // The rows are ours since they were found unused.
    if (count !== ids.length) throw new Error(`${count} of ${ids.length} coupons were unused`);
    await this.record(ids, unused, gone, 'claim_released');
  }

  async restore(rows: readonly { readonly id: string; readonly slot: number | null }[]): Promise<boolean> {
    const { unused, void: gone } = USER_COUPON_STATUS;
    try {
      for (const row of rows) {
        const { count } = await this.db.userCoupon.updateMany({
          where: { id: BigInt(row.id), status: gone },
          data: { status: unused, slot: row.slot },
        });
        if (count === 1) await this.record([row.id], gone, unused, 'release_undone');
      }
      return true;
    } catch (error) {
      if (classifyMysqlError(error).kind === 'duplicate') return false;
      throw error;
    }
  }

  private async record(
    ids: readonly string[],
    fromStatus: UserCoupon['status'],
    toStatus: UserCoupon['status'],
    reason: 'claim_released' | 'release_undone',
  ): Promise<void> {
    await this.db.userCouponTransition.createMany({
      data: ids.map((id) => ({ userCouponId: BigInt(id), fromStatus, toStatus, reason })),
    });
  }

  async history(userId: UserId, couponSn: string): Promise<CouponHistory | null> {
    const coupon = await this.db.userCoupon.findUnique({ where: { couponSn } });
    if (coupon === null || String(coupon.userId) !== userId) return null;
    const transitions = await this.db.userCouponTransition.findMany({
      where: { userCouponId: coupon.id },
      orderBy: { id: 'desc' },
      take: MOST_TRANSITIONS,
    });
    return { coupon: couponOf(coupon), transitions: transitions.map(transitionOf).reverse() };
  }

  async list(filter: CouponFilter, page: Page): Promise<UserCoupon[]> {
    const rows = await this.db.userCoupon.findMany({
      where: {
        userId: BigInt(filter.userId),
        ...(page.beforeId === null ? {} : { id: { lt: BigInt(page.beforeId) } }),
        ...shownAs(filter),
      },
      orderBy: { id: 'desc' },
      take: page.limit,
    });
    return rows.map(couponOf);
  }

  async countByStatus(filter: CouponFilter): Promise<ReadonlyMap<UserCoupon['status'], number>> {
    const { unused, expired } = USER_COUPON_STATUS;
    const rows = await this.db.$queryRaw<{ shown: unknown; coupons: unknown }[]>`
      SELECT IF(status = ${unused} AND valid_end_time <= ${new Date(filter.nowMs)}, ${expired}, status) AS shown,
        COUNT(*) AS coupons
      FROM user_coupons WHERE user_id = ${BigInt(filter.userId)} GROUP BY shown`;
    return new Map(rows.map((row) => [Number(row.shown) as UserCoupon['status'], Number(row.coupons)]));
  }

  async findForDiscount(userId: UserId, which: CouponSelection): Promise<CouponWithTemplate[]> {
    const rows = await this.db.userCoupon.findMany({
      where: { userId: BigInt(userId), ...selected(which) },
      include: { template: true },
      orderBy: [{ validEndTime: 'asc' }, { id: 'asc' }],
      ...(which.by === 'held' ? { take: which.limit } : {}),
    });
    return rows.map((row) => ({ coupon: couponOf(row), template: templateOf(row.template) }));
  }
}

function selected(which: CouponSelection): Prisma.UserCouponWhereInput {
  if (which.by === 'sns') return { couponSn: { in: [...which.sns] } };
  if (which.by === 'ids') return { id: { in: which.ids.map(BigInt) } };
  const { unused, locked } = USER_COUPON_STATUS;
  return { status: { in: [unused, locked] }, validEndTime: { gt: new Date(which.nowMs) } };
}

/** Expiry is computed: the sweep that writes status 4 may be late. */
function shownAs({ status, nowMs }: CouponFilter): Prisma.UserCouponWhereInput {
  const { unused, expired } = USER_COUPON_STATUS;
  if (status === undefined) return {};
  const now = new Date(nowMs);
  if (status === unused) return { status, validEndTime: { gt: now } };
  if (status === expired) return { OR: [{ status }, { status: unused, validEndTime: { lte: now } }] };
  return { status };
}
