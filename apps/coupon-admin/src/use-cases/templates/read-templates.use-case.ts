import type { TemplateId, TemplateStatus, TemplateType } from '@coupon/domain';
import { pageOf, pageView } from '@coupon/service-kit';
import type { PageQuery, PageView } from '@coupon/service-kit';
import type { DisplayReads, OnStale } from '../display-reads';
import { foundTemplate } from '../not-found';
import type { AdminDatabase } from '../ports';
import type { TemplateView } from '../views/schemas';
import { templateView } from '../views/views';

/** @throws NOT_FOUND */
export async function getTemplate(
  deps: { readonly reads: DisplayReads },
  id: TemplateId,
  onStale?: OnStale,
): Promise<TemplateView> {
  return templateView(foundTemplate(await deps.reads.template(id, onStale), id));
}

export interface ListTemplatesQuery extends PageQuery {
  readonly status?: TemplateStatus | undefined;
  readonly type?: TemplateType | undefined;
}

/** Newest first. */
export async function listTemplates(
  deps: { readonly database: AdminDatabase },
  query: ListTemplatesQuery,
): Promise<PageView<TemplateView>> {
  const filter = {
    ...(query.status === undefined ? {} : { status: query.status }),
    ...(query.type === undefined ? {} : { type: query.type }),
  };
  return pageView(await deps.database.templates.list(filter, pageOf(query)), query, templateView);
}
