import { InvalidArgumentError, isIdText } from '@coupon/domain';
import { z } from 'zod';
import { readField } from '../validation/fields';

// Lists by id, newest first: a page is named by the last id of the one before.

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** What a list request says about its page. */
export interface PageQuery {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** The rows to read for it. */
export interface Page {
  /** Only ids below this one. */
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface PageView<Item> {
  readonly items: Item[];
  readonly next_cursor: string | null;
}

/** `limit` and `cursor` in the schema of a list's query. */
export const pageFields = Object.freeze({
  cursor: z.string().max(128, 'is not a cursor of this list').optional(),
  limit: readField(readLimit, { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT })
    .optional()
    .transform((limit) => limit ?? DEFAULT_LIMIT),
});

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

function readLimit(value: unknown): number {
  if (value === undefined) return DEFAULT_LIMIT;
  const limit = typeof value === 'string' && /^\d{1,3}$/.test(value) ? Number(value) : 0;
  if (limit < 1 || limit > MAX_LIMIT) {
    throw InvalidArgumentError.of('limit', `must be a whole number from 1 to ${MAX_LIMIT}`);
  }
  return limit;
}

function writeCursor(id: string): string {
  return Buffer.from(`v1:${id}`).toString('base64url');
}

function readCursor(cursor: string): string {
  const [version, id = ''] = Buffer.from(cursor, 'base64url').toString('latin1').split(':');
  if (version !== 'v1' || !isIdText(id)) throw InvalidArgumentError.of('cursor', 'is not a cursor of this list');
  return id;
}
