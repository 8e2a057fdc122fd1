import { AppError } from '@coupon/domain';
import type { ActivityId, ErrorCode } from '@coupon/domain';
import type { Activity, Actor, Json, JsonObject, Operation } from '../model';
import { foundActivity } from '../not-found';
import type { ActivityStorePort, AdminTables, FlowSettingsPort } from '../ports';

/** How a step ends: the operation moves on, or is over. */
export type StepOutcome =
  | { readonly kind: 'next'; readonly state: string; readonly payload?: JsonObject }
  | { readonly kind: 'done'; readonly result: JsonObject }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly details?: JsonObject;
    };

/**
 * One step. `act` touches Redis and may happen more than once, so it must not matter how often; `record` writes MySQL in the transaction
 * that moves the operation on, so it happens exactly once. An error in either leaves the operation where it was, to be tried again.
 */
export interface Step {
  run(context: StepContext): Promise<(tables: AdminTables) => Promise<StepOutcome>>;
}

export interface StepContext {
  readonly operation: Operation;
  readonly store: ActivityStorePort;
  readonly flowSettings: FlowSettingsPort;
  /** Reads outside any transaction. */
  readonly reads: AdminTables;
  /** Waits so many milliseconds; much shorter than the lease of an operation. */
  readonly pause: (ms: number) => Promise<void>;
}

/** The states of one kind of operation: name of the state -> the step that comes next. */
export type OperationSteps = Readonly<Record<string, Step>>;

export function step<Acted>(definition: {
  readonly act: (context: StepContext) => Promise<Acted>;
  readonly record: (tables: AdminTables, operation: Operation, acted: Acted) => Promise<StepOutcome> | StepOutcome;
}): Step {
  return {
    run: async (context) => {
      const acted = await definition.act(context);
      return async (tables) => definition.record(tables, context.operation, acted);
    },
  };
}

/** A step without Redis. */
export function databaseStep(record: (tables: AdminTables, operation: Operation) => Promise<StepOutcome>): Step {
  return step({ act: () => Promise.resolve(), record: (tables, operation) => record(tables, operation) });
}

export function next(state: string, payload?: JsonObject): StepOutcome {
  return payload === undefined ? { kind: 'next', state } : { kind: 'next', state, payload };
}

export function activityOf(operation: Operation): ActivityId {
  if (operation.activityId === null) throw new Error(`operation ${operation.operationId} has no activity`);
  return operation.activityId;
}

/**
 * The activity as it is now. Its epoch may have moved on since the operation was written down: a recovery counts it up in MySQL, then in
 * Redis.
 */
export async function currentActivity({
  operation,
  reads,
}: Pick<StepContext, 'operation' | 'reads'>): Promise<Activity> {
  const id = activityOf(operation);
  return foundActivity(await reads.activities.get(id), id);
}

/**
 * From the commit of a change to the last gateway that has heard of it, or answers nothing from its cache any more: below a second by
 * `HeartbeatFreshness`, half a second more where the row was read again too early, and the rest is room.
 */
export const HEARD_AFTER_MS = 2_000;

/**
 * Before an activity is opened or ended ahead of its start. Gateways refuse its claims with NOT_STARTED by what they know of its row; when Redis
 * changes, none of them may still do so.
 */
export async function waitUntilHeard({ operation, pause }: StepContext): Promise<void> {
  if (operation.payload['heard_first'] === true) await pause(HEARD_AFTER_MS);
}

/** Redis lacks the activity or is being recovered: nothing to decide here, the scheduler tries again. */
export function notNow(result: { readonly kind: string }): Error {
  return new Error(`Redis answers ${result.kind}`);
}

export function numberIn(payload: JsonObject, name: string): number {
  const value = payload[name];
  if (typeof value !== 'number') throw new Error(`operation payload lacks ${name}`);
  return value;
}

export function textIn(payload: JsonObject, name: string): string {
  const value = payload[name];
  if (typeof value !== 'string') throw new Error(`operation payload lacks ${name}`);
  return value;
}

/** Who asked for the operation, for the audit log. */
export function actorPayload(actor: Actor): JsonObject {
  return { subject: actor.subject, role: actor.role, requestId: actor.requestId };
}

export function actorOf(operation: Operation): Actor {
  const actor = operation.payload['actor'] as JsonObject;
  return { subject: textIn(actor, 'subject'), role: textIn(actor, 'role'), requestId: textIn(actor, 'requestId') };
}

/** The result of a failed operation as the error it stands for. */
export function failureOf(result: JsonObject): AppError {
  const details = result['details'];
  return new AppError(result['code'] as ErrorCode, textIn(result, 'message'), {
    ...(details === undefined || details === null ? {} : { details: details as Record<string, Json> }),
  });
}
