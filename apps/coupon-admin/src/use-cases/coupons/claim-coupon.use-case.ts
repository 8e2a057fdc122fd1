import { AppError } from '@coupon/domain';
import type { TemplateId, UserId } from '@coupon/domain';
import type { AdminDatabase, Ids } from '../ports';
import type { ClaimedView } from '../views/schemas';
import { writeOnce } from '../write';
import type { WriteRequest } from '../write';
import { lockIssuableTemplate, newCoupons } from './issue-coupons';

/**
 * A user takes a coupon outside a sale. Total and limit hold under any concurrency: the units are taken by a conditional UPDATE of the
 * template's row, which is held while the user's coupons are counted. @throws SOLD_OUT, LIMIT_REACHED, ENDED, CONFLICT, NOT_FOUND
 */
export async function claimCoupon(
  deps: { readonly database: AdminDatabase; readonly ids: Ids },
  write: WriteRequest,
  command: { readonly couponId: TemplateId; readonly userId: UserId; readonly quantity: number },
): Promise<ClaimedView> {
  const { couponId, userId, quantity } = command;
  return writeOnce(deps.database, write, async (tables) => {
    const nowMs = await tables.nowMs();
    const template = await lockIssuableTemplate(tables, couponId, nowMs);
    const held = (await tables.coupons.countLive(couponId, [userId])).get(userId) ?? 0;
    if (held + quantity > template.perUserLimit) {
      throw new AppError('LIMIT_REACHED', `at most ${template.perUserLimit} per user`, {
        details: { limit: template.perUserLimit, held },
      });
    }
    const available = template.totalCount - template.allocatedCount;
    if (!(await tables.templates.allocate(couponId, quantity))) {
      throw new AppError('SOLD_OUT', 'not enough units left', { details: { available } });
    }
    const rows = newCoupons(template, { userId, quantity, source: 'claim', nowMs }, deps.ids);
    await tables.coupons.insertMany(rows);
    const couponSns = rows.map((row) => row.couponSn);
    await tables.audit.append({
      actor: write.actor,
      action: write.action,
      entity: 'coupon_template',
      entityId: couponId,
      before: null,
      after: { user_id: userId, coupon_sns: couponSns },
    });
    return {
      coupon_id: couponId,
      user_id: userId,
      coupon_sn: couponSns[0] ?? '',
      coupon_sns: couponSns,
      remaining_count: available - quantity,
    };
  });
}
