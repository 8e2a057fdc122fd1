/*
 * Values as a Canal server (1.1.7) writes them: a text or null, and a constant of java.sql.Types. Worked out from recorded messages and from
 * Canal's sources (RowsLogBuffer, LogBuffer.getDecimal, LogEventConvert).
 */

export interface CanalValue {
  readonly text: string | null;
  readonly sqlType: number;
}

/** A value that has no form in a Canal message. */
export class NotEncodableError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NotEncodableError';
  }
}

const TYPES = {
  BIT: -7,
  TINYINT: -6,
  BIGINT: -5,
  CHAR: 1,
  DECIMAL: 3,
  INTEGER: 4,
  SMALLINT: 5,
  REAL: 7,
  DOUBLE: 8,
  VARCHAR: 12,
  DATE: 91,
  TIME: 92,
  TIMESTAMP: 93,
  OTHER: 1111,
  BLOB: 2004,
  CLOB: 2005,
} as const;

interface Encoding {
  readonly sqlType: number;
  /** When it is another one. */
  readonly nullSqlType?: number;
  readonly text: (value: unknown, mysqlType: string) => string;
}

/** Largest signed value, and the type an unsigned column's value above it gets. */
const INTEGERS: Readonly<Record<string, { sqlType: number; max: bigint; wider: number }>> = {
  tinyint: { sqlType: TYPES.TINYINT, max: 127n, wider: TYPES.SMALLINT },
  smallint: { sqlType: TYPES.SMALLINT, max: 32_767n, wider: TYPES.INTEGER },
  mediumint: { sqlType: TYPES.INTEGER, max: 8_388_607n, wider: TYPES.INTEGER },
  int: { sqlType: TYPES.INTEGER, max: 2_147_483_647n, wider: TYPES.BIGINT },
  bigint: { sqlType: TYPES.BIGINT, max: 9_223_372_036_854_775_807n, wider: TYPES.DECIMAL },
};

const CLOB: Encoding = { sqlType: TYPES.CLOB, text: plainText };
const BLOB: Encoding = { sqlType: TYPES.BLOB, text: latin1 };

const ENCODINGS: Readonly<Record<string, Encoding>> = {
  decimal: { sqlType: TYPES.DECIMAL, text: decimal },
  float: { sqlType: TYPES.REAL, text: (value) => javaFloat(finite(value)) },
  double: { sqlType: TYPES.DOUBLE, text: (value) => javaDouble(finite(value)) },
  bit: { sqlType: TYPES.BIT, text: bits },
  timestamp: { sqlType: TYPES.TIMESTAMP, text: plainText },
  datetime: { sqlType: TYPES.TIMESTAMP, text: plainText },
  date: { sqlType: TYPES.DATE, text: plainText },
  time: { sqlType: TYPES.TIME, text: plainText },
  // 1900 is how the binlog's reader shows the year 0000.
  year: { sqlType: TYPES.VARCHAR, text: (value) => (value === 1900 ? '0000' : whole(value)) },
  char: { sqlType: TYPES.CHAR, text: plainText },
  varchar: { sqlType: TYPES.VARCHAR, text: plainText },
  tinytext: CLOB,
  text: CLOB,
  mediumtext: CLOB,
  longtext: CLOB,
  binary: BLOB,
  varbinary: BLOB,
  tinyblob: BLOB,
  blob: BLOB,
  mediumblob: BLOB,
  longblob: BLOB,
  geometry: BLOB,
  point: BLOB,
  linestring: BLOB,
  polygon: BLOB,
  enum: { sqlType: TYPES.INTEGER, text: whole },
  set: { sqlType: TYPES.BIT, nullSqlType: TYPES.BLOB, text: whole },
  json: { sqlType: TYPES.VARCHAR, nullSqlType: TYPES.OTHER, text: plainText },
};

/**
 * @param value Of the binlog: integers as number or decimal text, DECIMAL as text with all its digits, ENUM and SET as their number, BIT and
 *   binary types as bytes, JSON and times as text (TIMESTAMP in UTC), FLOAT and DOUBLE as number.
 * @param mysqlType Of information_schema.
 * @throws NotEncodableError
 */
export function canalValue(value: unknown, mysqlType: string): CanalValue {
  const base = /^[a-z]+/i.exec(mysqlType)?.[0].toLowerCase() ?? '';
  const integer = INTEGERS[base];
  if (integer !== undefined) {
    if (value === null) return { text: null, sqlType: integer.sqlType };
    const text = whole(value);
    const isWide = /\bunsigned\b/i.test(mysqlType) && BigInt(text) > integer.max;
    return { text, sqlType: isWide ? integer.wider : integer.sqlType };
  }
  const encoding = ENCODINGS[base];
  if (encoding === undefined) throw new NotEncodableError(`type ${mysqlType} has no form in a Canal message`);
  if (value === null) return { text: null, sqlType: encoding.nullSqlType ?? encoding.sqlType };
  return { text: encoding.text(value, mysqlType), sqlType: encoding.sqlType };
}

/** Canal leaves out the last group of up to nine fraction digits when it is zero, and then shows at least one digit. */
function decimal(value: unknown, mysqlType: string): string {
  const text = plainText(value);
  const [whole = '', fraction = ''] = text.split('.');
  const scale = Number(/,\s*(\d+)\s*\)/.exec(mysqlType)?.[1] ?? fraction.length);
  if (scale === 0) return whole;
  if (fraction.length !== scale) throw new NotEncodableError(`${mysqlType} with ${fraction.length} fraction digits`);
  const group = scale % 9;
  const isZero = group > 0 && /^0+$/.test(fraction.slice(-group));
  const kept = isZero ? fraction.slice(0, -group) : fraction;
  return `${whole}.${kept === '' ? '0' : kept}`;
}

function bits(value: unknown): string {
  if (!Buffer.isBuffer(value)) throw new NotEncodableError(`BIT as ${typeof value}`);
  return value.length === 0 ? '0' : BigInt(`0x${value.toString('hex')}`).toString();
}

function latin1(value: unknown): string {
  if (!Buffer.isBuffer(value)) throw new NotEncodableError(`bytes as ${typeof value}`);
  return value.toString('latin1');
}

function plainText(value: unknown): string {
  if (typeof value !== 'string') throw new NotEncodableError(`text as ${typeof value}`);
  return value;
}

function whole(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !/^-?\d+$/.test(text)) throw new NotEncodableError(`whole number as ${typeof value}`);
  return text;
}

function finite(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new NotEncodableError(`number as ${typeof value}`);
  return value;
}

/** Fewest digits that tell the number from its neighbours of 32 bits. */
function javaFloat(value: number): string {
  for (let digits = 1; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(short), value)) return javaDouble(short);
  }
  return javaDouble(value);
}

/** Double.toString: plain between 0.001 and 10 million, else with an exponent; always with a fraction. */
function javaDouble(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e7) {
    const text = String(value);
    return text.includes('.') ? text : `${text}.0`;
  }
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`;
}
