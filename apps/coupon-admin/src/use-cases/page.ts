import { InvalidArgumentError, isIdText } from '@coupon/domain';
import type { Page } from './ports';
import type { PageView } from './views/schemas';

/** What a list request says about its page. */
export interface PageQuery {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** @throws InvalidArgumentError for a cursor this list did not hand out. */
export function pageOf(query: PageQuery): Page {
  // One row more than asked for tells whether there is a next page.
  return { beforeId: query.cursor === undefined ? null : readCursor(query.cursor), limit: query.limit + 1 };
}

export function pageView<Row extends { readonly id: string }, View>(
  rows: readonly Row[],
  query: PageQuery,
  view: (row: Row) => View,
): PageView<View> {
  const shown = rows.slice(0, query.limit);
  const last = shown[shown.length - 1];
  const more = rows.length > query.limit && last !== undefined;
  return { items: shown.map(view), next_cursor: more ? writeCursor(last.id) : null };
}

function writeCursor(id: string): string {
  return Buffer.from(`v1:${id}`).toString('base64url');
}

function readCursor(cursor: string): string {
  const [version, id = ''] = Buffer.from(cursor, 'base64url').toString('latin1').split(':');
  if (version !== 'v1' || !isIdText(id)) throw InvalidArgumentError.of('cursor', 'is not a cursor of this list');
  return id;
}
