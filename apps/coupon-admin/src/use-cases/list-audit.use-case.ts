import { pageOf, pageView } from '@coupon/service-kit';
import type { PageQuery, PageView } from '@coupon/service-kit';
import type { AdminDatabase } from './ports';
import type { AuditView } from './views/schemas';
import { auditView } from './views/views';

export interface ListAuditQuery extends PageQuery {
  readonly entity?: string | undefined;
  readonly entityId?: string | undefined;
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
}

/** Newest first. */
export async function listAudit(
  deps: { readonly database: AdminDatabase },
  query: ListAuditQuery,
): Promise<PageView<AuditView>> {
  const { entity, entityId, actor, action } = query;
  const filter = {
    ...(entity === undefined ? {} : { entity }),
    ...(entityId === undefined ? {} : { entityId }),
    ...(actor === undefined ? {} : { actor }),
    ...(action === undefined ? {} : { action }),
  };
  return pageView(await deps.database.audit.list(filter, pageOf(query)), query, auditView);
}
