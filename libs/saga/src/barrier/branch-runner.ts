import { AppError, ERROR_CODES } from '@coupon/domain';
import type { ErrorCode } from '@coupon/domain';
import { NOT_READY, SUCCESS, refused } from '../branch/branch-outcome';
import type { ActionOutcome, CompensationOutcome } from '../branch/branch-outcome';
import type { BranchIdentity } from '../branch/branch-identity';
import { enterBarrier } from './mysql-barrier';
import type { BarrierTransaction, BarrierVerdict } from './mysql-barrier';

const DEFAULT_ATTEMPTS = 3;

export interface BranchRunnerOptions<Tx extends BarrierTransaction> {
  /** Runs the work in one transaction: commits when it resolves, rolls back and rejects when it rejects. `prisma.$transaction(work)`. */
  readonly transaction: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  /** True for errors after which the same transaction can succeed at once: deadlock, write conflict. @default never */
  readonly isRetryable?: (error: unknown) => boolean;
  /** Transactions per call at most. @default 3 */
  readonly attempts?: number;
  /** @default barrier */
  readonly table?: string;
  /** Told about every barrier's verdict, for metrics. */
  readonly onVerdict?: (branch: BranchIdentity, verdict: BarrierVerdict) => void;
}

/**
 * Refusals by exception: what a business function that is also called without a saga throws. What is wrong with the request will be wrong the
 * next time, and 409 is the status of every business code.
 */
const REFUSING_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['INVALID_ARGUMENT', 'NOT_FOUND', 'PERMISSION_DENIED', 'PAYLOAD_TOO_LARGE', 'ACTIVITY_NOT_FOUND'] as const),
  ...(Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => ERROR_CODES[code].http === 409),
]);

/** Carries an outcome through the transaction so that it rolls back. Never leaves this file. */
class RolledBack extends Error {
  constructor(readonly outcome: ActionOutcome) {
    super('rolled back');
  }
}

/** Runs branches: barrier, work and commit in one transaction, and what became of them as an outcome. */
export class BranchRunner<Tx extends BarrierTransaction> {
  constructor(private readonly options: BranchRunnerOptions<Tx>) {}

  /**
   * Runs an action once, however often it is called. `refused` and `not-ready` roll everything back. An AppError with a business code, of the
   * request or of the state, is a refusal too; every other exception is passed on after the rollback.
   */
  async action(branch: BranchIdentity, work: (tx: Tx) => Promise<ActionOutcome>): Promise<ActionOutcome> {
    expectOperation(branch, 'action');
    try {
      return await this.#run(branch, work);
    } catch (error) {
      const code = refusingCode(error);
      if (code !== undefined) return refused(code);
      throw error;
    }
  }

  /**
   * An action that has no effect of its own: the barrier's row is all there is to commit, so it is one statement of `client` and no transaction.
   * Never repeated after a deadlock: rejects.
   */
  async actionWithoutEffect(branch: BranchIdentity, client: BarrierTransaction): Promise<ActionOutcome> {
    expectOperation(branch, 'action');
    return (await this.#enter(client, branch)) === 'compensated' ? refused('ALREADY_COMPENSATED') : SUCCESS;
  }

  /** Runs a compensation once, and only after its action has been done. Whatever it throws is passed on after the rollback. */
  async compensation(
    branch: BranchIdentity,
    work: (tx: Tx) => Promise<CompensationOutcome>,
  ): Promise<CompensationOutcome> {
    expectOperation(branch, 'compensate');
    const outcome = await this.#run(branch, work);
    return outcome.kind === 'not-ready' ? NOT_READY : SUCCESS;
  }

  async #run(branch: BranchIdentity, work: (tx: Tx) => Promise<ActionOutcome>): Promise<ActionOutcome> {
    const { attempts = DEFAULT_ATTEMPTS, isRetryable = () => false } = this.options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.options.transaction((tx) => this.#inTransaction(tx, branch, work));
      } catch (error) {
        if (error instanceof RolledBack) return error.outcome;
        if (attempt >= attempts || !isRetryable(error)) throw error;
      }
    }
  }

  async #inTransaction(
    tx: Tx,
    branch: BranchIdentity,
    work: (tx: Tx) => Promise<ActionOutcome>,
  ): Promise<ActionOutcome> {
    const verdict = await this.#enter(tx, branch);
    if (verdict === 'compensated') return refused('ALREADY_COMPENSATED');
    if (verdict !== 'enter') return SUCCESS;
    const outcome = await work(tx);
    if (outcome.kind !== 'success') throw new RolledBack(outcome);
    return outcome;
  }

  async #enter(tx: BarrierTransaction, branch: BranchIdentity): Promise<BarrierVerdict> {
    const { table, onVerdict } = this.options;
    const verdict = await enterBarrier(tx, branch, table === undefined ? {} : { table });
    onVerdict?.(branch, verdict);
    return verdict;
  }
}

function refusingCode(error: unknown): string | undefined {
  return error instanceof AppError && REFUSING_CODES.has(error.code) ? error.code : undefined;
}

/** A route that answers for the other operation would apply an effect on the way back. */
function expectOperation(branch: BranchIdentity, op: BranchIdentity['op']): void {
  if (branch.op !== op) throw new TypeError(`a ${branch.op} of ${branch.gid} was run as ${op}`);
}
