import type { CanalMessage, CanalRow } from '@coupon/contracts';

/** Which values of a cache hold something of a table's rows. Stands next to the cache that owns the keys. */
export interface TableKeys {
  readonly table: string;
  /**
   * Keys of the values that hold something of this row. Called with every row as it was and as it is, so that a row that moves from one value
   * to another changes both. When it throws, every key counts as changed.
   */
  readonly keys: (row: CanalRow) => readonly string[];
  /** Columns that no value holds: a change of nothing else changes no value. */
  readonly ignores?: readonly string[];
}

/** What a change means for one cache. */
export type Affected =
  | { readonly kind: 'none' }
  | { readonly kind: 'keys'; readonly keys: readonly string[] }
  /** Something has changed and nobody knows what: `because` says why, for the log. */
  | { readonly kind: 'all'; readonly because: string };

const NONE: Affected = { kind: 'none' };
const ROWS = new Set(['INSERT', 'UPDATE', 'DELETE']);

/** @throws Error when the row has no such column, or NULL in it */
export function columnOf(row: CanalRow, column: string): string {
  const value = row[column];
  if (value === undefined || value === null) throw new Error(`no ${column} in the row`);
  return value;
}

export function affectedBy(message: CanalMessage, tables: readonly TableKeys[]): Affected {
  if (message.isDdl) return affectedByDefinition(message, tables);
  const mapping = tables.find(({ table }) => table === message.table);
  // Anything else without rows is an annotation of the statement whose rows follow.
  if (mapping === undefined || !ROWS.has(message.type)) return NONE;
  try {
    const keys = new Set<string>();
    for (const row of changedRows(message, mapping.ignores ?? [])) for (const key of mapping.keys(row)) keys.add(key);
    return keys.size === 0 ? NONE : { kind: 'keys', keys: [...keys] };
  } catch (error) {
    return { kind: 'all', because: error instanceof Error ? error.message : String(error) };
  }
}

/** TRUNCATE, ALTER, RENAME and the like. RENAME names the new table, DROP DATABASE none: the statement tells. */
function affectedByDefinition({ table, sql, type }: CanalMessage, tables: readonly TableKeys[]): Affected {
  const names = tables.map((mapping) => mapping.table);
  const concerned = table === '' || names.some((name) => name === table || mentions(sql, name));
  return concerned ? { kind: 'all', because: `${type} ${table}` } : NONE;
}

function mentions(sql: string, table: string): boolean {
  return new RegExp(`(?<![\\w$])${table}(?![\\w$])`, 'i').test(sql);
}

/** Every row as it is and, after an UPDATE, as it was; without those of which only ignored columns have changed. */
function* changedRows({ data, old }: CanalMessage, ignores: readonly string[]): Generator<CanalRow> {
  for (const [index, row] of (data ?? []).entries()) {
    const before = old?.[index];
    if (before === undefined) {
      yield row;
      continue;
    }
    const isIgnored = ignores.length > 0 && Object.keys(before).every((column) => ignores.includes(column));
    if (isIgnored) continue;
    yield row;
    yield { ...row, ...before };
  }
}
