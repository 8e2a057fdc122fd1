import { Prisma } from '../generated/client';
import type { Adapter } from '../renewing-adapter';

/** What a driver adapter runs. */
export type DriverQuery = Parameters<Adapter['queryRaw']>[0];
type ArgType = DriverQuery['argTypes'][number];

/** The driver looks at the type of texts only, and must take them for nothing else. */
const TEXT: ArgType = Object.freeze({ scalarType: 'string', arity: 'scalar' });

/** @throws TypeError for a value that is none of SQL's */
export function templateQuery(query: TemplateStringsArray | Prisma.Sql, values: readonly unknown[]): DriverQuery {
  const { sql, values: args } = 'raw' in query ? new Prisma.Sql(query, values) : query;
  return textQuery(sql, args);
}

/** @throws TypeError for a value that is none of SQL's */
export function textQuery(sql: string, values: readonly unknown[]): DriverQuery {
  return { sql, args: values.map(toArgument), argTypes: values.map(() => TEXT) };
}

/** As Prisma's raw statements send them; lists and times that are none are refused, where Prisma would guess. */
function toArgument(value: unknown, index: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'bigint':
    case 'boolean':
      return value;
    case 'number':
      if (Number.isFinite(value)) return value;
      break;
    case 'undefined':
      return null;
    case 'object':
      if (value === null || ArrayBuffer.isView(value)) return value;
      if (value instanceof Date) {
        if (!Number.isNaN(value.getTime())) return value;
        break;
      }
      if (Prisma.Decimal.isDecimal(value)) return value.toJSON();
      if (!Array.isArray(value)) return JSON.stringify(value);
      break;
    default:
  }
  throw new TypeError(`value ${index + 1} of the statement cannot be sent to the database`);
}
