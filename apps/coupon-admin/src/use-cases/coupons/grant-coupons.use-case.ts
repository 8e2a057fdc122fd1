import type { TemplateId, UserId } from '@coupon/domain';
import type { NewUserCoupon } from '../model';
import type { AdminDatabase, Ids } from '../ports';
import type { GrantedView } from '../views/schemas';
import { writeOnce } from '../write';
import type { WriteRequest } from '../write';
import { lockIssuableTemplate, newCoupons } from './issue-coupons';

/**
 * An operator gives `quantity` coupons to each user of a list, in the list's order, all in one transaction. Who is at the limit, or comes
 * when the units are gone, is told so in the answer; the others get theirs. @throws ENDED, CONFLICT, NOT_FOUND
 */
export async function grantCoupons(
  deps: { readonly database: AdminDatabase; readonly ids: Ids },
  write: WriteRequest,
  command: { readonly couponId: TemplateId; readonly userIds: readonly UserId[]; readonly quantity: number },
): Promise<GrantedView> {
  const { couponId, userIds, quantity } = command;
  return writeOnce(deps.database, write, async (tables) => {
    const nowMs = await tables.nowMs();
    const template = await lockIssuableTemplate(tables, couponId, nowMs);
    const held = await tables.coupons.countLive(couponId, userIds);
    let left = template.totalCount - template.allocatedCount;
    const rows: NewUserCoupon[] = [];
    const results = userIds.map((userId): GrantedView['results'][number] => {
      const refused = (code: 'LIMIT_REACHED' | 'SOLD_OUT'): GrantedView['results'][number] => {
        return { user_id: userId, granted: false, coupon_sns: [], code };
      };
      if ((held.get(userId) ?? 0) + quantity > template.perUserLimit) return refused('LIMIT_REACHED');
      if (left < quantity) return refused('SOLD_OUT');
      left -= quantity;
      const mine = newCoupons(template, { userId, quantity, source: 'grant', nowMs }, deps.ids);
      rows.push(...mine);
      return { user_id: userId, granted: true, coupon_sns: mine.map((row) => row.couponSn), code: null };
    });
    if (rows.length > 0) {
      // The row is locked, so this cannot miss; were it to, nobody gets anything.
      if (!(await tables.templates.allocate(couponId, rows.length))) throw new Error('allocation lost under its lock');
      await tables.coupons.insertMany(rows);
    }
    const granted = results.filter((result) => result.granted).length;
    await tables.audit.append({
      actor: write.actor,
      action: write.action,
      entity: 'coupon_template',
      entityId: couponId,
      before: null,
      after: { quantity, granted, refused: results.length - granted, coupon_sns: rows.map((row) => row.couponSn) },
    });
    return { coupon_id: couponId, granted, refused: results.length - granted, remaining_count: left, results };
  });
}
