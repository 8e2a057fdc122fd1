import { AppError } from '@coupon/domain';
import { classifyMysqlError } from '@coupon/persistence';

/** A reading outside a transaction. @throws AppError NOT_READY when the database cannot be used */
export async function readShop<T>(reading: () => Promise<T>): Promise<T> {
  try {
    return await reading();
  } catch (error) {
    const { kind } = classifyMysqlError(error);
    if (kind !== 'infrastructure' && kind !== 'retryable') throw error;
    throw new AppError('NOT_READY', 'the database cannot be used at the moment', { cause: error });
  }
}
