import { TransactionError } from './client/transaction-error';

// What a failed statement means for whoever has to decide about it: repeat, give up on the data, or wait for the server. Prisma wraps
// the server's error in three ways (known request error, raw query error, driver adapter error); all of them are seen through here.

export type MysqlErrorClass =
  /** A unique key; `key` is the index's name without the table ("uq_user_coupons_sn"; "PRIMARY" for a primary key). */
  | { readonly kind: 'duplicate'; readonly key: string }
  /** The statement's own data is at fault and will be again: foreign key, check, length, range, format. */
  | { readonly kind: 'data'; readonly code: number | string }
  /** Deadlock, lock wait, write conflict: the same transaction, repeated, can succeed at once. */
  | { readonly kind: 'retryable'; readonly code: number | string }
  /** The server, the way to it, the schema or the rights: says nothing about the data; worth repeating later. */
  | { readonly kind: 'infrastructure'; readonly code: number | string }
  /** Did not come from the database: a bug, most likely. */
  | { readonly kind: 'unknown' };

const RETRYABLE = new Set([1020, 1205, 1213, 1614, 3572]);

const DATA = new Set([
  1048, 1062, 1136, 1153, 1216, 1217, 1263, 1264, 1265, 1292, 1300, 1364, 1365, 1366, 1367, 1406, 1411, 1441, 1451,
  1452, 1586, 1690, 3140, 3141, 3143, 3144, 3156, 3157, 3819, 3988, 4025,
]);

const PRISMA_DATA = new Set([
  'P2000',
  'P2003',
  'P2004',
  'P2005',
  'P2006',
  'P2007',
  'P2011',
  'P2012',
  'P2019',
  'P2020',
  'P2033',
]);
/** What a socket, or the search for its address, ends with. */
const NETWORK = new Set([
  ...['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN'],
  ...['ENOTFOUND', 'EAI_AGAIN'],
]);
const MAX_DEPTH = 8;

interface ServerError {
  readonly code: number;
  readonly message: string;
  readonly state: string;
}

export function classifyMysqlError(error: unknown): MysqlErrorClass {
  const server = serverErrorOf(error);
  if (server) return classifyServerError(server);
  if (error instanceof TransactionError) return { kind: 'infrastructure', code: error.reason };
  const name = field(error, 'name');
  if (name === 'PrismaClientValidationError') return { kind: 'data', code: name };
  const code = field(error, 'code');
  if (typeof code === 'string' && /^P\d{4}$/.test(code)) {
    if (code === 'P2034') return { kind: 'retryable', code };
    if (PRISMA_DATA.has(code)) return { kind: 'data', code };
    return { kind: 'infrastructure', code };
  }
  // A connection that breaks: the driver passes the socket's error on, and Prisma some of them as its own.
  if (typeof code === 'string' && NETWORK.has(code)) return { kind: 'infrastructure', code };
  if (name === 'PrismaClientInitializationError' || name === 'PrismaClientRustPanicError') {
    return { kind: 'infrastructure', code: name };
  }
  return { kind: 'unknown' };
}

/** The server's number for what went wrong; undefined when it did not come from the server. */
export function mysqlErrorCode(error: unknown): number | undefined {
  return serverErrorOf(error)?.code;
}

function classifyServerError({ code, message, state }: ServerError): MysqlErrorClass {
  if (code === 1062 || code === 1586) return { kind: 'duplicate', key: keyName(message) };
  if (RETRYABLE.has(code)) return { kind: 'retryable', code };
  if (DATA.has(code)) return { kind: 'data', code };
  // Codes not listed one by one: the class of the SQLSTATE decides (22 data exception, 23 integrity, 40 rollback).
  if (/^2[23]/.test(state)) return { kind: 'data', code };
  return state.startsWith('40') ? { kind: 'retryable', code } : { kind: 'infrastructure', code };
}

/** `Duplicate entry '…' for key 'table.index'` (MySQL) or `'index'` (MariaDB); the entry itself may contain quotes. */
function keyName(message: string): string {
  const quoted = /for key '([^']+)'\s*$/.exec(message)?.[1] ?? '';
  return quoted.slice(quoted.lastIndexOf('.') + 1);
}

/** The server's error, wherever it hangs: `meta.driverAdapterError`, `cause`, or the driver's own error. */
function serverErrorOf(error: unknown, depth = 0): ServerError | undefined {
  if (typeof error !== 'object' || error === null || depth > MAX_DEPTH) return undefined;
  const original = field(error, 'originalCode');
  if (typeof original === 'string' && /^\d+$/.test(original)) {
    return { code: Number(original), message: text(error, 'originalMessage'), state: text(error, 'state') };
  }
  const errno = field(error, 'errno');
  if (typeof errno === 'number' && errno > 0) {
    return { code: errno, message: text(error, 'sqlMessage'), state: text(error, 'sqlState') };
  }
  const meta = field(error, 'meta');
  return serverErrorOf(field(meta, 'driverAdapterError'), depth + 1) ?? serverErrorOf(field(error, 'cause'), depth + 1);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown, name: string): string {
  const found = field(value, name);
  return typeof found === 'string' ? found : '';
}
