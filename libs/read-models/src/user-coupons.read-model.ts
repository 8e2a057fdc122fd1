import type {
  ActivityId,
  ClaimId,
  CouponSource,
  TemplateId,
  UserCouponId,
  UserCouponStatus,
  UserId,
} from '@coupon/domain';
import { columnOf } from '@coupon/cache-bus';
import { jsonCodec } from '@coupon/cache';
import { z } from 'zod';
import type { ReadModel } from './read-model';
import { userCouponRecordOf } from './records';
import type { UserCouponRecord } from './records';
import { code, id, ms, word } from './schema-parts';

/** The coupons of a user, newest first. */
export interface UserCoupons {
  readonly coupons: readonly UserCouponRecord[];
  /** Whether these are all: of a user with more than {@link MOST_CACHED_COUPONS} only the newest are here. */
  readonly complete: boolean;
}

export const MOST_CACHED_COUPONS = 200;

const couponSchema: z.ZodType<UserCouponRecord> = z.object({
  id: id<UserCouponId>(),
  couponId: id<TemplateId>(),
  userId: id<UserId>(),
  couponSn: z.string(),
  status: code<UserCouponStatus>(),
  obtainMs: ms,
  usedMs: ms.nullable(),
  orderSn: z.string().nullable(),
  validStartMs: ms,
  validEndMs: ms,
  activityId: id<ActivityId>().nullable(),
  claimId: id<ClaimId>().nullable(),
  slot: z.int().nullable(),
  source: word<CouponSource>(),
  lockExpiresMs: ms.nullable(),
});

const schema: z.ZodType<UserCoupons> = z.object({ coupons: z.array(couponSchema), complete: z.boolean() });

/** Cache `user-coupons`: by the id of the user. A user without coupons has an empty list. */
export const userCoupons: ReadModel<UserId, UserCoupons> = {
  name: 'user-coupons',
  keyOf: String,
  tables: [{ table: 'user_coupons', keys: (row) => [columnOf(row, 'user_id')] }],
  codec: jsonCodec({ version: 1, parse: (json) => schema.parse(json) }),
  loader: (prisma) => (users) =>
    Promise.all(
      users.map(async (user) => {
        const rows = await prisma.userCoupon.findMany({
          where: { userId: BigInt(user) },
          orderBy: { id: 'desc' },
          // One more than is kept tells whether there are more.
          take: MOST_CACHED_COUPONS + 1,
        });
        return {
          coupons: rows.slice(0, MOST_CACHED_COUPONS).map(userCouponRecordOf),
          complete: rows.length <= MOST_CACHED_COUPONS,
        };
      }),
    ),
};
