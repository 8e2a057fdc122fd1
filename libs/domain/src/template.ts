import type { TemplateId } from './ids';

/** coupon_templates.status */
export const TEMPLATE_STATUS = { draft: 0, published: 1, disabled: 2 } as const;
export type TemplateStatusName = keyof typeof TEMPLATE_STATUS;
export type TemplateStatus = (typeof TEMPLATE_STATUS)[TemplateStatusName];

/** coupon_templates.type: which rule of the calculator applies. */
export const TEMPLATE_TYPE = { fullReduction: 1, ratio: 2, freeShipping: 3, tiered: 4, buyXGetY: 5 } as const;
export type TemplateType = (typeof TEMPLATE_TYPE)[keyof typeof TEMPLATE_TYPE];

/** coupon_templates.discount_type */
export const DISCOUNT_TYPE = { amount: 1, ratio: 2 } as const;
export type DiscountType = (typeof DISCOUNT_TYPE)[keyof typeof DISCOUNT_TYPE];

const NAMES: Record<TemplateStatus, TemplateStatusName> = { 0: 'draft', 1: 'published', 2: 'disabled' };

export function templateStatusName(status: TemplateStatus): TemplateStatusName {
  return NAMES[status];
}

/** draft -> published -> disabled -> published; a template never becomes a draft again. */
export function canMoveTemplate(from: TemplateStatus, to: TemplateStatus): boolean {
  if (to === TEMPLATE_STATUS.published) return from !== TEMPLATE_STATUS.published;
  return to === TEMPLATE_STATUS.disabled && from === TEMPLATE_STATUS.published;
}

/** The part of a template that storing a coupon needs. Times are epoch milliseconds UTC. */
export interface TemplateValidity {
  readonly id: TemplateId;
  readonly validStartMs: number;
  readonly validEndMs: number;
  readonly validDaysAfterClaim: number | null;
}
