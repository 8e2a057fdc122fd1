import { AppError, ERROR_CODES } from '@coupon/domain';
import type { ErrorCode } from '@coupon/domain';
import { SUCCESS, refused } from '../branch/branch-outcome';
import type { BranchIdentity } from '../branch/branch-identity';
import { BranchRunner } from './branch-runner';
import type { BarrierTransaction } from './mysql-barrier';

const action: BranchIdentity = { gid: 'a', transType: 'saga', branchId: '01', op: 'action' };
const compensate: BranchIdentity = { ...action, op: 'compensate' };

/** Transactions on a set of keys: what is inserted stays when the work resolves. Only the order of calls matters here, not MySQL. */
class FakeDatabase {
  readonly rows = new Set<string>();
  began = 0;

  readonly transaction = async <T>(work: (tx: BarrierTransaction) => Promise<T>): Promise<T> => {
    this.began++;
    const before = [...this.rows];
    try {
      return await work({
        $executeRawUnsafe: async (_sql, ...values) => {
          const key = values.slice(1, 5).join(' ');
          const isNew = !this.rows.has(key);
          this.rows.add(key);
          return isNew ? 1 : 0;
        },
        $queryRawUnsafe: async <R>(_sql: string, ...values: unknown[]) =>
          (this.rows.has(values.join(' ')) ? [{}] : []) as R,
      });
    } catch (error) {
      this.rows.clear();
      for (const key of before) this.rows.add(key);
      throw error;
    }
  };
}

describe('BranchRunner', () => {
  let database: FakeDatabase;
  beforeEach(() => (database = new FakeDatabase()));

  /** What another attempt may answer differently. */
  const FAULTS: readonly ErrorCode[] = [
    ...(['UNAUTHENTICATED', 'METHOD_NOT_ALLOWED', 'RATE_LIMITED', 'OVERLOADED', 'CIRCUIT_OPEN'] as const),
    ...(['NOT_READY', 'OUTCOME_UNKNOWN', 'INTERNAL'] as const),
  ];
  const refusals = (Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => !FAULTS.includes(code));

  it.each(refusals)('takes %s, thrown by business code, for a refusal, and rolls back', async (code) => {
    const runner = new BranchRunner({ transaction: database.transaction });
    const outcome = await runner.action(action, () => Promise.reject(new AppError(code, 'no')));
    expect(outcome).toEqual({ kind: 'refused', code });
    expect(database.rows.size).toBe(0);
  });

  it.each(FAULTS)('passes %s on: it is a fault', async (code) => {
    const runner = new BranchRunner({ transaction: database.transaction });
    const error = new AppError(code, 'no');
    await expect(runner.action(action, () => Promise.reject(error))).rejects.toBe(error);
  });

  it('passes on what has no code', async () => {
    const runner = new BranchRunner({ transaction: database.transaction });
    const error = new Error('disk');
    await expect(runner.action(action, () => Promise.reject(error))).rejects.toBe(error);
  });

  it('never lets a compensation refuse', async () => {
    const runner = new BranchRunner({ transaction: database.transaction });
    await runner.action(action, async () => SUCCESS);
    const conflict = new AppError('CONFLICT', 'no');
    await expect(runner.compensation(compensate, () => Promise.reject(conflict))).rejects.toBe(conflict);
  });

  it('repeats a transaction that can succeed at once, so often and no more', async () => {
    const deadlock = new Error('deadlock');
    const isRetryable = (error: unknown): boolean => error === deadlock;
    const runner = new BranchRunner({ transaction: database.transaction, isRetryable, attempts: 3 });
    let failures = 2;
    const work = async () => {
      if (failures-- > 0) throw deadlock;
      return SUCCESS;
    };
    expect(await runner.action(action, work)).toEqual(SUCCESS);
    expect(database.began).toBe(3);
    failures = 3;
    await expect(runner.action({ ...action, branchId: '02' }, work)).rejects.toBe(deadlock);
    expect(database.began).toBe(6);
  });

  it('does not repeat a refusal', async () => {
    const runner = new BranchRunner({ transaction: database.transaction, isRetryable: () => true });
    expect(await runner.action(action, async () => refused('ENDED'))).toEqual(refused('ENDED'));
    expect(database.began).toBe(1);
  });

  it('counts every verdict, also of an action without an effect', async () => {
    const verdicts: string[] = [];
    const runner = new BranchRunner({
      transaction: database.transaction,
      onVerdict: ({ op }, verdict) => verdicts.push(`${op} ${verdict}`),
    });
    await database.transaction(async (client) => {
      expect(await runner.actionWithoutEffect(action, client)).toEqual(SUCCESS);
      expect(await runner.actionWithoutEffect(action, client)).toEqual(SUCCESS);
    });
    await runner.compensation(compensate, async () => SUCCESS);
    await database.transaction(async (client) => {
      expect(await runner.actionWithoutEffect(action, client)).toEqual(refused('ALREADY_COMPENSATED'));
      await expect(runner.actionWithoutEffect(compensate, client)).rejects.toThrow(TypeError);
    });
    expect(verdicts).toEqual(['action enter', 'action duplicate', 'compensate enter', 'action compensated']);
  });

  it('does nothing for the other operation', async () => {
    const runner = new BranchRunner({ transaction: database.transaction });
    await expect(runner.action(compensate, async () => SUCCESS)).rejects.toThrow(TypeError);
    await expect(runner.compensation(action, async () => SUCCESS)).rejects.toThrow(TypeError);
    expect(database.began).toBe(0);
  });
});
