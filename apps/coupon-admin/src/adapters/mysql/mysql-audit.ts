import { Prisma } from '@coupon/persistence';
import type { Page } from '@coupon/service-kit';
import type { AuditEntry, AuditRecord, Json } from '../../use-cases/model';
import type { AuditRepository } from '../../use-cases/ports';
import { auditOf } from './rows';

export class MysqlAudit implements AuditRepository {
  constructor(private readonly db: Prisma.TransactionClient) {}

  async append(entry: AuditEntry): Promise<void> {
    await this.db.auditLog.create({
      data: {
        actor: entry.actor.subject.slice(0, 64),
        role: entry.actor.role,
        action: entry.action,
        entity: entry.entity,
        entityId: entry.entityId,
        before: jsonOf(entry.before),
        after: jsonOf(entry.after),
        requestId: entry.actor.requestId.slice(0, 64),
      },
    });
  }

  async list(
    filter: { readonly entity?: string; readonly entityId?: string; readonly actor?: string; readonly action?: string },
    page: Page,
  ): Promise<AuditRecord[]> {
    const rows = await this.db.auditLog.findMany({
      where: { ...filter, ...(page.beforeId === null ? {} : { id: { lt: BigInt(page.beforeId) } }) },
      orderBy: { id: 'desc' },
      take: page.limit,
    });
    return rows.map(auditOf);
  }
}

function jsonOf(value: Json): Prisma.InputJsonValue | typeof Prisma.DbNull {
  return value === null ? Prisma.DbNull : value;
}
