import type { ZodType } from 'zod';
import { z } from 'zod';

/*
 * What goes over the fanout exchange `coupon.binlog`: Canal's flat messages, from a Canal server or from the worker's own reading of the
 * binlog. The keys are Canal's, alphabetical, all of them always there. A message has no id of its own and may come again.
 */

/** Fanout exchange of the changes of watched tables, in the order of the binlog. */
export const BINLOG_EXCHANGE = 'coupon.binlog';
/** Fanout exchange of what the process that drops the shared cache level has to say. */
export const CACHE_EXCHANGE = 'coupon.cache';
/** Durable queue of the one process that drops the shared cache level; bound to BINLOG_EXCHANGE, with a single active consumer. */
export const BINLOG_L2_QUEUE = 'coupon.binlog.l2';

/** Table of database `coupon` whose changes are the heartbeat of the bus: one row per source, written every 250 ms. */
export const HEARTBEAT_TABLE = 'cache_heartbeats';

/** A row by column name. Every value is a text or null: numbers in decimal, ENUM as its index, TIMESTAMP in UTC, bytes as ISO-8859-1. */
export type CanalRow = Readonly<Record<string, string | null>>;

export interface CanalMessage {
  /** INSERT: the new rows; UPDATE: the rows as they are now; DELETE: the rows as they were; DDL: null. Never empty. */
  readonly data: readonly CanalRow[] | null;
  readonly database: string;
  /** When the change was made, epoch milliseconds of a whole second. */
  readonly es: number;
  /** Empty unless the server runs with GTIDs. */
  readonly gtid: string;
  /** Number of a batch; begins again with every start of the sender. Nothing follows from it. */
  readonly id: number;
  readonly isDdl: boolean;
  /** Column -> type as information_schema has it; null for DDL. */
  readonly mysqlType: Readonly<Record<string, string>> | null;
  /** UPDATE: per row the former values of every column changed in this row or in one before it; otherwise null. */
  readonly old: readonly CanalRow[] | null;
  readonly pkNames: readonly string[] | null;
  /** The statement of a DDL, otherwise empty. */
  readonly sql: string;
  /** Column -> constant of java.sql.Types; null for DDL. */
  readonly sqlType: Readonly<Record<string, number>> | null;
  readonly table: string;
  /** When the sender made the message, epoch milliseconds. */
  readonly ts: number;
  /** INSERT, UPDATE, DELETE; DDL: CREATE, ALTER, ERASE (DROP), TRUNCATE, RENAME, CINDEX, DINDEX, QUERY and others. */
  readonly type: string;
}

/**
 * `database` and `table` are what could be read of the broken message: empty when that is nothing, and then any table may have changed.
 */
export type ParsedCanalMessage =
  | { readonly ok: true; readonly message: CanalMessage }
  | {
      readonly ok: false;
      readonly code: 'NOT_JSON' | 'INVALID_CANAL_MESSAGE';
      readonly reason: string;
      readonly database: string;
      readonly table: string;
    };

const row = z.record(z.string(), z.string().nullable());

/** Fields that are not listed are let through: other versions of Canal write some more. */
export const canalMessageSchema: ZodType<CanalMessage> = z
  .looseObject({
    data: z.array(row).min(1).nullable(),
    database: z.string(),
    es: z.int().min(0),
    gtid: z
      .string()
      .nullish()
      .transform((gtid) => gtid ?? ''),
    id: z.int(),
    isDdl: z.boolean(),
    mysqlType: z.record(z.string(), z.string()).nullable(),
    old: z.array(row).nullable(),
    pkNames: z.array(z.string()).nullable(),
    sql: z.string(),
    sqlType: z.record(z.string(), z.int()).nullable(),
    table: z.string(),
    ts: z.int().min(0),
    type: z.string().min(1),
  })
  .superRefine((message, context) => {
    const { data, isDdl, old, type } = message;
    const isRows = type === 'INSERT' || type === 'UPDATE' || type === 'DELETE';
    if (isRows && !isDdl && data === null) {
      context.addIssue({ code: 'custom', path: ['data'], message: `must hold the rows of an ${type}` });
    }
    if (type === 'UPDATE' && !isDdl && (old === null || old.length !== data?.length)) {
      context.addIssue({ code: 'custom', path: ['old'], message: 'must have an entry for every row of an UPDATE' });
    }
  });

/**
 * A message's body -> the message, or why it is none. Never throws.
 * @param isWanted by table: rows of others are skipped, whatever they look like. Definitions (DDL) are always read: one may concern several tables.
 */
export function parseCanalMessage(body: Uint8Array | string): ParsedCanalMessage;
export function parseCanalMessage(
  body: Uint8Array | string,
  isWanted: (table: string) => boolean,
): ParsedCanalMessage | 'skipped';
export function parseCanalMessage(
  body: Uint8Array | string,
  isWanted: (table: string) => boolean = () => true,
): ParsedCanalMessage | 'skipped' {
  let value: unknown;
  try {
    value = JSON.parse(
      typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.length).toString(),
    );
  } catch {
    // Not the parser's own words: they quote the body, which may hold personal data.
    return { ok: false, code: 'NOT_JSON', reason: 'body is not JSON', database: '', table: '' };
  }
  const place = placeOf(value);
  if (place.isRows && place.table !== '' && !isWanted(place.table)) return 'skipped';
  const parsed = canalMessageSchema.safeParse(value);
  if (parsed.success) return { ok: true, message: parsed.data };
  const [issue] = parsed.error.issues;
  const reason = `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'invalid'}`.slice(0, 200);
  const { database, table } = place;
  return { ok: false, code: 'INVALID_CANAL_MESSAGE', reason, database, table };
}

function placeOf(value: unknown): { database: string; table: string; isRows: boolean } {
  if (typeof value !== 'object' || value === null) return { database: '', table: '', isRows: false };
  const { database, table, isDdl } = value as { database?: unknown; table?: unknown; isDdl?: unknown };
  return {
    database: typeof database === 'string' ? database : '',
    table: typeof table === 'string' ? table : '',
    isRows: isDdl === false,
  };
}
