import { classifyMysqlError } from '@coupon/persistence';
import type { Prisma } from '@coupon/persistence';
import type { JsonObject } from '../../use-cases/model';
import type { IdempotencyRepository, StoredAnswer } from '../../use-cases/ports';

export class MysqlIdempotency implements IdempotencyRepository {
  constructor(private readonly db: Prisma.TransactionClient) {}

  async insert(scope: string, idemKey: string, requestHash: string): Promise<boolean> {
    try {
      await this.db.idempotencyKey.create({ data: { scope, idemKey, requestHash } });
      return true;
    } catch (error) {
      if (classifyMysqlError(error).kind === 'duplicate') return false;
      throw error;
    }
  }

  async get(scope: string, idemKey: string): Promise<StoredAnswer | null> {
    const row = await this.db.idempotencyKey.findUnique({ where: { scope_idemKey: { scope, idemKey } } });
    return row && { requestHash: row.requestHash, answer: row.response as JsonObject | null };
  }

  async setAnswer(scope: string, idemKey: string, status: number, response: JsonObject): Promise<void> {
    await this.db.idempotencyKey.update({ where: { scope_idemKey: { scope, idemKey } }, data: { status, response } });
  }

  async prune(olderThanMs: number, limit: number): Promise<number> {
    return this.db.$executeRaw`
      DELETE FROM idempotency_keys
      WHERE created_at < CURRENT_TIMESTAMP(3) - INTERVAL ${Math.ceil(olderThanMs / 1000)} SECOND
      ORDER BY created_at LIMIT ${limit}`;
  }
}
