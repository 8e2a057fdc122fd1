import { createHash } from 'node:crypto';
import { AppError } from '@coupon/domain';
import type { Actor, Json } from './model';
import type { AdminDatabase, AdminTables, StoredAnswer } from './ports';

/** A change somebody asks for. */
export interface WriteRequest {
  readonly actor: Actor;
  /** Stable name of the route, at most 40 characters: `template.create`. */
  readonly action: string;
  /** Everything that makes the request what it is; the same key with something else is a CONFLICT. */
  readonly request: unknown;
  readonly idempotencyKey: string | undefined;
}

/** What a first write left behind for a repeated one. */
export type Remembered =
  { readonly kind: 'answer'; readonly body: Json } | { readonly kind: 'operation'; readonly operationId: string };

/**
 * One transaction that happens once per Idempotency-Key: the key's row is written in it, with the answer. A repeated request gets that
 * answer; a refusal rolls everything back and is not remembered.
 */
export async function writeOnce<Body extends Json>(
  database: AdminDatabase,
  write: WriteRequest,
  work: (tables: AdminTables) => Promise<Body>,
): Promise<Body> {
  const remembered = await rememberedAnswer(database, write);
  if (remembered?.kind === 'answer') return remembered.body as Body;
  try {
    return await database.transaction(async (tables) => {
      await claimKey(tables, write);
      const body = await work(tables);
      await rememberAnswer(tables, write, body);
      return body;
    });
  } catch (error) {
    if (!(error instanceof KeyTaken)) throw error;
    const first = await rememberedAnswer(database, write);
    if (first?.kind === 'answer') return first.body as Body;
    throw new AppError('CONFLICT', 'Idempotency-Key is in use', {
      details: { field: 'Idempotency-Key' },
      cause: error,
    });
  }
}

/** Thrown inside the transaction when another request has the key; whoever catches it reads what that one left behind. */
export class KeyTaken extends Error {}

export async function claimKey(tables: AdminTables, write: WriteRequest): Promise<void> {
  if (write.idempotencyKey === undefined) return;
  const inserted = await tables.idempotency.insert(scopeOf(write), write.idempotencyKey, hashOf(write));
  if (!inserted) throw new KeyTaken('Idempotency-Key is taken');
}

/** The body is kept as text, so that the repeated answer is the first one to the byte. */
export async function rememberAnswer(tables: AdminTables, write: WriteRequest, body: Json): Promise<void> {
  if (write.idempotencyKey === undefined) return;
  await tables.idempotency.setAnswer(scopeOf(write), write.idempotencyKey, 200, { body: JSON.stringify(body) });
}

export async function rememberOperation(tables: AdminTables, write: WriteRequest, operationId: string): Promise<void> {
  if (write.idempotencyKey === undefined) return;
  await tables.idempotency.setAnswer(scopeOf(write), write.idempotencyKey, 202, { operation_id: operationId });
}

/** @throws CONFLICT when the key was used for another request. */
export async function rememberedAnswer(database: AdminTables, write: WriteRequest): Promise<Remembered | null> {
  if (write.idempotencyKey === undefined) return null;
  const stored = await database.idempotency.get(scopeOf(write), write.idempotencyKey);
  if (stored === null) return null;
  if (stored.requestHash !== hashOf(write)) {
    throw new AppError('CONFLICT', 'Idempotency-Key was used for another request', {
      details: { field: 'Idempotency-Key' },
    });
  }
  return parseAnswer(stored);
}

function parseAnswer({ answer }: StoredAnswer): Remembered {
  const body = answer?.['body'];
  if (typeof body === 'string') return { kind: 'answer', body: JSON.parse(body) as Json };
  const operationId = answer?.['operation_id'];
  if (typeof operationId === 'string') return { kind: 'operation', operationId };
  throw new Error('an idempotency key without an answer was committed');
}

/** Two people may choose the same key: it counts per caller. */
function scopeOf({ actor, action }: WriteRequest): string {
  return `${action}:${createHash('sha256').update(actor.subject).digest('hex').slice(0, 16)}`;
}

function hashOf({ request }: WriteRequest): string {
  return createHash('sha256').update(canonicalJson(request)).digest('hex');
}

/** JSON with sorted names, bigints as text: equal requests have equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) => {
    if (typeof inner === 'bigint') return inner.toString();
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
