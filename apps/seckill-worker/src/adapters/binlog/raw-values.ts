import type { ColumnInfo, ColumnSchema, TableMapEvent } from '@vlasky/zongji';

/** Type numbers of the binlog. */
const TINY = 1;
const SHORT = 2;
const LONG = 3;
const LONGLONG = 8;
const INT24 = 9;
const ENUM = 247;
const SET = 248;
const BLOB = 252;
const GEOMETRY = 255;
const INTEGER_OF_BYTES: Readonly<Record<number, number>> = { 1: TINY, 2: SHORT, 3: INT24, 4: LONG, 8: LONGLONG };

/**
 * Describes the columns of a table to the decoder in a way that gives the values Canal's messages need, before the rows that follow are
 * decoded: ENUM and SET as their number instead of their text, spatial values as bytes, BINARY without the zeros it is padded with.
 * May be called again for the same table.
 */
export function keepRawValues(event: TableMapEvent): void {
  const entry = event.tableMap[event.tableId];
  if (entry?.columns === undefined) return;
  entry.columns.forEach((column, index) => {
    const schema = entry.columnSchemas[index];
    if (schema !== undefined) keepRaw(column, schema);
  });
}

function keepRaw(column: ColumnInfo, schema: ColumnSchema): void {
  if (column.type === ENUM || column.type === SET) {
    const integer = INTEGER_OF_BYTES[Number(column.metadata['size'])];
    if (integer === undefined) return;
    column.type = integer;
    schema.UNSIGNED = true;
  } else if (column.type === GEOMETRY) {
    column.type = BLOB;
    column.charset = null;
  } else if (/^binary\(/i.test(schema.COLUMN_TYPE)) {
    schema.COLUMN_TYPE = `var${schema.COLUMN_TYPE}`;
  }
}
