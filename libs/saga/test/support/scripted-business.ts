import { NOT_READY, SUCCESS, refused } from '../../src';
import type { ActionOutcome, BranchIdentity, CompensationOutcome } from '../../src';
import type { EffectsDatabase } from './effects-database';

/** What one call of a branch does; a call without a plan succeeds. */
export interface CallPlan {
  readonly outcome?: ActionOutcome;
  /** Thrown in the transaction, after the effect. */
  readonly fault?: string;
  /** Thrown after the commit: the reply is lost, the effect is not. */
  readonly faultAfterCommit?: string;
  /** Awaited before the transaction begins. */
  readonly before?: () => Promise<unknown>;
  /** Awaited in the transaction, after the effect. */
  readonly inside?: () => Promise<unknown>;
}

export interface BranchCallRecord extends BranchIdentity {
  readonly payload: unknown;
  answer: ActionOutcome['kind'] | 'fault' | 'open';
}

/** The business behind the branches of the conformance suite: does and undoes effects, call by call as a test has planned. */
export class ScriptedBusiness {
  readonly calls: BranchCallRecord[] = [];
  readonly #plans = new Map<string, CallPlan[]>();

  constructor(private readonly database: EffectsDatabase) {}

  /** Plans the first calls of one branch: `plan('gid', 'a2', {…}, {…})` with `a` for its action, `c` for its compensation. */
  plan(gid: string, branch: string, ...calls: CallPlan[]): void {
    this.#plans.set(`${gid} ${branch}`, calls);
  }

  /** The calls of a saga so far, as `a1 a2 c2 c1`. */
  trace(gid: string): string {
    return this.callsOf(gid).map(nameOf).join(' ');
  }

  /** The branches of a saga in the order of their first calls. */
  order(gid: string): string {
    return [...new Set(this.callsOf(gid).map(nameOf))].join(' ');
  }

  callsOf(gid: string, branch?: string): BranchCallRecord[] {
    return this.calls.filter((call) => call.gid === gid && (branch === undefined || nameOf(call) === branch));
  }

  async action(branch: BranchIdentity, payload: unknown): Promise<ActionOutcome> {
    return this.#perform(branch, payload, (work) => this.database.runner.action(branch, work));
  }

  async compensation(branch: BranchIdentity, payload: unknown): Promise<CompensationOutcome> {
    return this.#perform(branch, payload, (work) =>
      this.database.runner.compensation(branch, async (tx) =>
        (await work(tx)).kind === 'success' ? SUCCESS : NOT_READY,
      ),
    );
  }

  async #perform<Outcome extends ActionOutcome>(
    branch: BranchIdentity,
    payload: unknown,
    run: (work: (tx: Parameters<EffectsDatabase['apply']>[0]) => Promise<ActionOutcome>) => Promise<Outcome>,
  ): Promise<Outcome> {
    const record: BranchCallRecord = { ...branch, payload, answer: 'open' };
    this.calls.push(record);
    const plan = this.#plans.get(`${branch.gid} ${nameOf(branch)}`)?.shift() ?? {};
    try {
      await plan.before?.();
      const outcome = await run(async (tx) => {
        await this.database.apply(tx, branch);
        await plan.inside?.();
        if (plan.fault !== undefined) throw new Error(plan.fault);
        return plan.outcome ?? SUCCESS;
      });
      if (plan.faultAfterCommit !== undefined) throw new Error(plan.faultAfterCommit);
      record.answer = outcome.kind;
      return outcome;
    } catch (error) {
      record.answer = 'fault';
      throw error;
    }
  }
}

function nameOf({ op, branchId }: BranchIdentity): string {
  return `${op === 'action' ? 'a' : 'c'}${Number(branchId)}`;
}

/** A gate that tests open: calls wait in front of it. */
export class Gate {
  readonly opened: Promise<void>;
  open!: () => void;

  constructor() {
    this.opened = new Promise((resolve) => (this.open = resolve));
  }
}

export const refuse = (code: string): CallPlan => ({ outcome: refused(code) });
