import { AppError, TEMPLATE_STATUS, couponValidity } from '@coupon/domain';
import type { CouponSource, TemplateId, UserId } from '@coupon/domain';
import type { NewUserCoupon, Template } from '../model';
import { foundTemplate } from '../not-found';
import type { AdminTables, Ids } from '../ports';

/** The template row, held until the commit: whoever issues coupons of it afterwards sees these. @throws NOT_FOUND, CONFLICT, ENDED */
export async function lockIssuableTemplate(tables: AdminTables, id: TemplateId, nowMs: number): Promise<Template> {
  const template = foundTemplate(await tables.templates.lock(id), id);
  if (template.status !== TEMPLATE_STATUS.published) {
    throw new AppError('CONFLICT', 'the template is not published', { details: { field: 'coupon_id' } });
  }
  if (nowMs >= template.validEndMs) throw new AppError('ENDED', 'the coupons of this template have expired');
  return template;
}

/** Rows for `quantity` new coupons of one user. */
export function newCoupons(
  template: Template,
  issue: { readonly userId: UserId; readonly quantity: number; readonly source: CouponSource; readonly nowMs: number },
  ids: Ids,
): NewUserCoupon[] {
  const validity = couponValidity(template, issue.nowMs);
  return Array.from({ length: issue.quantity }, () => ({
    couponId: template.id,
    userId: issue.userId,
    couponSn: ids.couponSn(issue.nowMs),
    obtainMs: issue.nowMs,
    validStartMs: validity.startMs,
    validEndMs: validity.endMs,
    source: issue.source,
  }));
}
