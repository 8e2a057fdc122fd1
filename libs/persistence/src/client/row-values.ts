import { Prisma } from '../generated/client';
import type { Adapter } from '../renewing-adapter';

type ResultSet = Awaited<ReturnType<Adapter['queryRaw']>>;
type Convert = (value: unknown) => unknown;

/** ColumnTypeEnum of @prisma/driver-adapter-utils, as far as MySQL has them. */
const COLUMN = { int32: 0, int64: 1, numeric: 4, date: 8, time: 9, dateTime: 10, json: 11, bytes: 13 } as const;

const asIs: Convert = (value) => value;
const CONVERSIONS = new Map<number, Convert>([
  [COLUMN.int32, (value) => Math.trunc(Number(value))],
  [COLUMN.int64, (value) => BigInt(value as string | number)],
  [COLUMN.numeric, (value) => new Prisma.Decimal(value as string)],
  [COLUMN.date, toDate],
  [COLUMN.dateTime, toDate],
  [COLUMN.time, (value) => new Date(`1970-01-01T${String(value)}Z`)],
  [COLUMN.json, (value) => JSON.parse(String(value)) as unknown],
  [COLUMN.bytes, (value) => new Uint8Array(value as Buffer)],
]);

/** Rows as Prisma's `$queryRaw` gives them: an object per row, each value by the type of its column. */
export function toRows({ columnNames, columnTypes, rows }: ResultSet): Record<string, unknown>[] {
  const conversions = columnTypes.map((type) => CONVERSIONS.get(type) ?? asIs);
  return rows.map((values) => {
    const row: Record<string, unknown> = {};
    for (const [at, name] of columnNames.entries()) {
      const value: unknown = values[at] ?? null;
      row[name] = value === null ? null : (conversions[at] ?? asIs)(value);
    }
    return row;
  });
}

function toDate(value: unknown): Date {
  return new Date(value as string);
}
