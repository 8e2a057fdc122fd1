import { AppError } from '@coupon/domain';
import type { Clock } from '@coupon/service-kit';
import type { JsonObject, NewOperation } from '../model';
import type { AdminDatabase, AdminTables } from '../ports';
import { KeyTaken, claimKey, rememberAnswer, rememberOperation, rememberedAnswer } from '../write';
import type { WriteRequest } from '../write';
import type { OperationEngine } from './operation-engine';
import { failureOf, textIn } from './step';

export interface OperationDeps {
  readonly database: AdminDatabase;
  readonly engine: Pick<OperationEngine, 'driveUntil'>;
  readonly clock: Clock;
  /** How long a caller waits for the end of its operation. @default 5_000 */
  readonly waitMs?: number;
}

/** What the request comes to once the rows are locked: an operation, or nothing to do. */
export type Plan =
  | { readonly kind: 'operation'; readonly operation: NewOperation }
  | { readonly kind: 'nothing_to_do'; readonly answer: JsonObject };

class Blocked extends Error {
  constructor(readonly activeKey: string) {
    super('another operation is under way');
  }
}

/**
 * Writes the operation down, then drives it and answers with its result. Whatever happens after the first commit, the scheduler carries it
 * on; a caller who repeats the Idempotency-Key learns how it ended. An operation that is under way on the same thing is finished first.
 * @throws what the operation failed with; CONFLICT when another one will not end; OUTCOME_UNKNOWN when this one has not ended in time.
 */
export async function requestOperation(
  deps: OperationDeps,
  write: WriteRequest,
  plan: (tables: AdminTables) => Promise<Plan>,
): Promise<JsonObject> {
  const deadlineMs = deps.clock.nowMs() + (deps.waitMs ?? 5_000);
  for (;;) {
    const remembered = await rememberedAnswer(deps.database, write);
    if (remembered?.kind === 'answer') return remembered.body as JsonObject;
    if (remembered?.kind === 'operation') return await resultOf(deps, remembered.operationId, deadlineMs);
    try {
      const planned = await writeDown(deps.database, write, plan);
      if (planned.kind === 'nothing_to_do') return planned.answer;
      return await resultOf(deps, planned.operation.operationId, deadlineMs);
    } catch (error) {
      if (error instanceof KeyTaken) continue;
      if (!(error instanceof Blocked)) throw error;
      await finishBlocker(deps, error, deadlineMs);
    }
  }
}

async function writeDown(
  database: AdminDatabase,
  write: WriteRequest,
  plan: (tables: AdminTables) => Promise<Plan>,
): Promise<Plan> {
  return database.transaction(async (tables) => {
    await claimKey(tables, write);
    const planned = await plan(tables);
    if (planned.kind === 'nothing_to_do') {
      await rememberAnswer(tables, write, planned.answer);
      return planned;
    }
    if (!(await tables.operations.insert(planned.operation))) throw new Blocked(planned.operation.activeKey);
    await rememberOperation(tables, write, planned.operation.operationId);
    return planned;
  });
}

async function resultOf(deps: OperationDeps, operationId: string, deadlineMs: number): Promise<JsonObject> {
  const operation = await deps.engine.driveUntil(operationId, deadlineMs);
  if (operation.finishedAtMs === null) {
    throw new AppError(
      'OUTCOME_UNKNOWN',
      'still under way; repeat with the same Idempotency-Key to learn how it ends',
      {
        details: { operation_id: operationId, state: operation.state },
      },
    );
  }
  const result = operation.result ?? {};
  if (operation.state === 'failed') throw failureOf(result);
  return JSON.parse(textIn(result, 'body')) as JsonObject;
}

async function finishBlocker(deps: OperationDeps, blocked: Blocked, deadlineMs: number): Promise<void> {
  const blocker = await deps.database.operations.activeId(blocked.activeKey);
  // Gone in the meantime: the next attempt finds the way free.
  if (blocker === null && deps.clock.nowMs() < deadlineMs) return;
  const operation = blocker === null ? null : await deps.engine.driveUntil(blocker, deadlineMs);
  if (operation !== null && operation.finishedAtMs !== null) return;
  throw new AppError('CONFLICT', 'another operation on this is under way', {
    details: { operation_id: blocker, kind: operation?.kind ?? null },
  });
}
