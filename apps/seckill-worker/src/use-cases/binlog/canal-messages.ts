import type { CanalMessage, CanalRow } from '@coupon/contracts';
import type { ColumnDefinition, RawRow, RowsEvent } from './binlog-source';
import { NotEncodableError, canalValue } from './canal-values';

/** The part of a message that follows from the change alone; `id` and `ts` are of the batch it goes with. */
export type CanalChange = Omit<CanalMessage, 'id' | 'ts'>;

/**
 * A rows event as Canal tells of it: one message, however many rows.
 * @throws NotEncodableError when a value or the table's definition does not fit.
 */
export function rowsChange(event: RowsEvent, definitions: readonly ColumnDefinition[]): CanalChange {
  const columns = definitionsOf(event, definitions);
  const mysqlType: Record<string, string> = {};
  for (const { name, mysqlType: type } of columns) mysqlType[name] = type;
  const sqlType: Record<string, number> = {};
  const data: CanalRow[] = [];
  const old: CanalRow[] = [];
  // Canal never empties it between the rows of a message: a row's `old` also has what only rows before it have changed.
  const changed = new Set<string>();
  for (const { before, after } of event.rows) {
    const row = encode(event.type === 'DELETE' ? before : after, columns, sqlType);
    data.push(row);
    if (event.type !== 'UPDATE') continue;
    const former = encode(before, columns);
    for (const { name } of columns) if (former[name] !== row[name]) changed.add(name);
    const entry: Record<string, string | null> = {};
    for (const { name } of columns) if (changed.has(name)) entry[name] = former[name] ?? null;
    old.push(entry);
  }
  const pkNames = columns.filter(({ isKey }) => isKey).map(({ name }) => name);
  return {
    data,
    database: event.database,
    es: event.esMs,
    gtid: '',
    isDdl: false,
    mysqlType,
    old: event.type === 'UPDATE' ? old : null,
    pkNames: pkNames.length === 0 ? null : pkNames,
    sql: '',
    sqlType,
    table: event.table,
    type: event.type,
  };
}

/** A statement on a table as Canal tells of it. */
export function ddlChange(ddl: {
  database: string;
  table: string;
  type: string;
  sql: string;
  esMs: number;
}): CanalChange {
  return {
    data: null,
    database: ddl.database,
    es: ddl.esMs,
    gtid: '',
    isDdl: true,
    mysqlType: null,
    old: null,
    pkNames: null,
    sql: ddl.sql,
    sqlType: null,
    table: ddl.table,
    type: ddl.type,
  };
}

/**
 * "Anything in this table may have changed", in the form of a TRUNCATE: what it was cannot be told any more. The comment says why; the
 * time in it makes each such message another one.
 */
export function anythingChanged(database: string, table: string, reason: string, nowMs: number): CanalChange {
  const comment = `${reason.replace(/[^\x20-\x7e]|\*\/|\/\*/g, '?').slice(0, 200)}, ${nowMs}`;
  const sql = `TRUNCATE TABLE ${table} /* not executed: any row may have changed: ${comment} */`;
  return ddlChange({ database, table, type: 'TRUNCATE', sql, esMs: Math.floor(nowMs / 1000) * 1000 });
}

/** The message's text: keys in Canal's order, which is the alphabet's. */
export function canalText(change: CanalChange, id: number, ts: number): string {
  const message: CanalMessage = {
    data: change.data,
    database: change.database,
    es: change.es,
    gtid: change.gtid,
    id,
    isDdl: change.isDdl,
    mysqlType: change.mysqlType,
    old: change.old,
    pkNames: change.pkNames,
    sql: change.sql,
    sqlType: change.sqlType,
    table: change.table,
    ts,
    type: change.type,
  };
  return JSON.stringify(message);
}

/** The definition may be newer than the event: columns must be the same, by name and order. */
function definitionsOf(event: RowsEvent, definitions: readonly ColumnDefinition[]): readonly ColumnDefinition[] {
  const fits =
    definitions.length === event.columns.length && definitions.every(({ name }, i) => name === event.columns[i]);
  if (fits) return definitions;
  const names = definitions.map(({ name }) => name).join(', ');
  throw new NotEncodableError(
    `columns of ${event.table} in the binlog (${event.columns.join(', ')}) are not those it has now (${names})`,
  );
}

function encode(
  raw: RawRow | null,
  columns: readonly ColumnDefinition[],
  sqlTypes?: Record<string, number>,
): Record<string, string | null> {
  if (raw === null) throw new NotEncodableError('a row image is missing');
  const row: Record<string, string | null> = {};
  for (const { name, mysqlType } of columns) {
    const value = raw[name];
    if (value === undefined) throw new NotEncodableError(`column ${name} could not be read`);
    const { text, sqlType } = canalValue(value, mysqlType);
    row[name] = text;
    // As in Canal the last row's counts: a JSON column has another type where it is null.
    if (sqlTypes !== undefined) sqlTypes[name] = sqlType;
  }
  return row;
}
