import { AppError } from '@coupon/domain';
import { classifyMysqlError } from '@coupon/persistence';

/** Statements outside a transaction, of either database, that change nothing. @throws AppError NOT_READY when the database cannot be used */
export async function reading<T>(statements: () => Promise<T>): Promise<T> {
  try {
    return await statements();
  } catch (error) {
    const { kind } = classifyMysqlError(error);
    if (kind !== 'infrastructure' && kind !== 'retryable') throw error;
    throw new AppError('NOT_READY', 'the database cannot be used at the moment', { cause: error });
  }
}
