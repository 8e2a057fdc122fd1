import { TEMPLATE_STATUS, formatMoney } from '@coupon/domain';
import type { TemplateId, TemplateStatus, TemplateType } from '@coupon/domain';
import { Prisma } from '@coupon/persistence';
import type { Page } from '@coupon/service-kit';
import type { Json, Template, TemplateFields } from '../../use-cases/model';
import type { TemplateRepository } from '../../use-cases/ports';
import { idsText, templateOf } from './rows';

type TemplateColumns = Partial<Omit<Prisma.CouponTemplateUncheckedCreateInput, 'id'>>;

export class MysqlTemplates implements TemplateRepository {
  constructor(private readonly db: Prisma.TransactionClient) {}

  async insert(fields: TemplateFields, status: TemplateStatus): Promise<Template> {
    const data = { ...columnsOf(fields), status } as Prisma.CouponTemplateUncheckedCreateInput;
    return templateOf(await this.db.couponTemplate.create({ data }));
  }

  async get(id: TemplateId): Promise<Template | null> {
    const row = await this.db.couponTemplate.findUnique({ where: { id: BigInt(id) } });
    return row && templateOf(row);
  }

  async lock(id: TemplateId): Promise<Template | null> {
    await this.db.$queryRaw`SELECT id FROM coupon_templates WHERE id = ${BigInt(id)} FOR UPDATE`;
    return this.get(id);
  }

  async update(
    id: TemplateId,
    change: Partial<TemplateFields> & { readonly status?: TemplateStatus },
  ): Promise<Template> {
    const { status, ...fields } = change;
    const data = {
      ...columnsOf(fields),
      ...(status === undefined ? {} : { status }),
      version: { increment: 1 },
    } as Prisma.CouponTemplateUncheckedUpdateInput;
    return templateOf(await this.db.couponTemplate.update({ where: { id: BigInt(id) }, data }));
  }

  async allocate(id: TemplateId, units: number): Promise<boolean> {
    const rows = await this.db.$executeRaw`
      UPDATE coupon_templates SET allocated_count = allocated_count + ${units}
      WHERE id = ${BigInt(id)} AND status = ${TEMPLATE_STATUS.published} AND allocated_count + ${units} <= total_count`;
    return rows === 1;
  }

  async giveBack(id: TemplateId, units: number): Promise<void> {
    const rows = await this.db.$executeRaw`
      UPDATE coupon_templates SET allocated_count = allocated_count - ${units}
      WHERE id = ${BigInt(id)} AND allocated_count >= ${units}`;
    if (rows !== 1) throw new Error(`template ${id} has not given out ${units} units`);
  }

  async list(
    filter: { readonly status?: TemplateStatus; readonly type?: TemplateType },
    page: Page,
  ): Promise<Template[]> {
    const rows = await this.db.couponTemplate.findMany({
      where: { ...filter, ...(page.beforeId === null ? {} : { id: { lt: BigInt(page.beforeId) } }) },
      orderBy: { id: 'desc' },
      take: page.limit,
    });
    return rows.map(templateOf);
  }
}

function columnsOf(fields: Partial<TemplateFields>): TemplateColumns {
  const columns: Record<string, unknown> = {
    name: fields.name,
    type: fields.type,
    discountType: fields.discountType,
    discountValue: money(fields.discountValueMinor),
    minAmount: money(fields.minAmountMinor),
    totalCount: fields.totalCount,
    perUserLimit: fields.perUserLimit,
    validStartTime: time(fields.validStartMs),
    validEndTime: time(fields.validEndMs),
    applicableGoods: list(fields.applicableGoods),
    applicableCategories: list(fields.applicableCategories),
    maxDiscount: money(fields.maxDiscountMinor),
    priority: fields.priority,
    stackGroup: fields.stackGroup,
    stackable: fields.stackable,
    excludedGoods: list(fields.excludedGoods),
    excludedCategories: list(fields.excludedCategories),
    validDaysAfterClaim: fields.validDaysAfterClaim,
    timeZone: fields.timeZone,
    ruleArgs: json(fields.ruleArgs),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

function money(minor: bigint | null | undefined): string | null | undefined {
  return minor === null || minor === undefined ? minor : formatMoney(minor);
}

/** SQL's NULL, not JSON's. */
function json(value: Json | undefined): unknown {
  return value === null ? Prisma.DbNull : value;
}

function time(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

function list(ids: readonly string[] | null | undefined): string | null | undefined {
  return ids === undefined ? undefined : idsText(ids);
}
