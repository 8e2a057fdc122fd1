import type { Clock, Logger } from '@coupon/service-kit';
import type { JsonObject, Operation, OperationKind } from '../model';
import type { ActivityStorePort, AdminDatabase, AdminTables, FlowSettingsPort } from '../ports';
import type { OperationSteps, StepOutcome } from './step';

export interface OperationEngineOptions {
  readonly database: AdminDatabase;
  readonly store: ActivityStorePort;
  readonly flowSettings: FlowSettingsPort;
  readonly steps: Readonly<Record<OperationKind, OperationSteps>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Names whoever drives; never the same twice. */
  readonly newOwner: () => string;
  /** How long one driver has an operation for itself. @default 30_000 */
  readonly leaseMs?: number;
  readonly sleep: (ms: number) => Promise<void>;
}

const POLL_MS = 25;
const LONGEST_PAUSE_MS = 10_000;

class LeaseLost extends Error {}

/**
 * Drives operations from state to state. Survives a crash at any point: the state in MySQL says which step comes next, a step's effect in
 * Redis is repeatable, its effect in MySQL is in the transaction that moves the state. A driver has the operation leased, so two never
 * work on it at once; a dead driver's lease runs out.
 */
export class OperationEngine {
  private readonly leaseMs: number;

  constructor(private readonly options: OperationEngineOptions) {
    this.leaseMs = options.leaseMs ?? 30_000;
  }

  /** Drives until the operation is over or the time is up, also when another driver has it. @returns it as it is then. */
  async driveUntil(operationId: string, deadlineMs: number): Promise<Operation> {
    const { clock, database, sleep } = this.options;
    for (;;) {
      await this.drive(operationId);
      const operation = await database.operations.get(operationId);
      if (operation === null) throw new Error(`operation ${operationId} is gone`);
      if (operation.finishedAtMs !== null || clock.nowMs() >= deadlineMs) return operation;
      await sleep(POLL_MS);
    }
  }

  /** Drives as far as it goes now. An error is logged, kept in the row, and left to a later attempt. */
  async drive(operationId: string): Promise<void> {
    const { database, logger, newOwner } = this.options;
    const owner = newOwner();
    const leasedAtMs = this.options.clock.nowMs();
    let operation = await database.operations.lease(operationId, owner, this.leaseMs);
    try {
      while (operation !== null) {
        // Half the lease is left for the step, so that its effect cannot come after another driver has taken over.
        if (this.options.clock.nowMs() - leasedAtMs > this.leaseMs / 2) {
          await database.operations.postpone(operationId, owner, 'the lease ran out between two steps', 0);
          return;
        }
        operation = await this.runStep(operation, owner);
      }
    } catch (error) {
      if (error instanceof LeaseLost) return;
      const attempts = operation?.attempts ?? 1;
      logger.error(
        { err: error, operation_id: operationId, kind: operation?.kind, state: operation?.state, attempts },
        'step failed',
      );
      const message = error instanceof Error ? error.message : String(error);
      await database.operations.postpone(operationId, owner, message, pauseAfter(attempts));
    }
  }

  /** @returns the operation in its next state, null when it is over. */
  private async runStep(operation: Operation, owner: string): Promise<Operation | null> {
    const { database, steps, store, flowSettings, sleep } = this.options;
    const step = steps[operation.kind][operation.state];
    if (step === undefined) throw new Error(`operation kind ${operation.kind} has no state ${operation.state}`);
    const record = await step.run({ operation, store, flowSettings, reads: database, pause: sleep });
    const after = await database.transaction(async (tables) => {
      const outcome = await record(tables);
      return this.apply(tables, operation, owner, outcome);
    });
    if (after === null) this.logEnd(operation);
    return after;
  }

  private logEnd({ operationId, kind, activityId, payload }: Operation): void {
    this.options.logger.info(
      { operation_id: operationId, kind, activity_id: activityId, actor: payload['actor'] ?? null },
      'operation ended',
    );
  }

  private async apply(
    tables: AdminTables,
    operation: Operation,
    owner: string,
    outcome: StepOutcome,
  ): Promise<Operation | null> {
    const from = operation.state;
    if (outcome.kind === 'next') {
      const payload = outcome.payload ?? operation.payload;
      const moved = await tables.operations.advance(operation.operationId, owner, { from, to: outcome.state, payload });
      if (!moved) throw new LeaseLost();
      return { ...operation, state: outcome.state, payload };
    }
    const result: JsonObject =
      outcome.kind === 'done'
        ? // As text: a JSON column would put its names into another order.
          { body: JSON.stringify(outcome.result) }
        : { code: outcome.code, message: outcome.message, details: outcome.details ?? null };
    const finished = await tables.operations.finish(operation.operationId, owner, {
      from,
      state: outcome.kind,
      result,
    });
    if (!finished) throw new LeaseLost();
    return null;
  }
}

function pauseAfter(attempts: number): number {
  return Math.min(LONGEST_PAUSE_MS, 200 * 2 ** Math.min(attempts - 1, 10));
}
