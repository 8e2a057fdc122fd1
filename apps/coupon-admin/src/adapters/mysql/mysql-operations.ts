import type { ActivityId } from '@coupon/domain';
import { Prisma, classifyMysqlError } from '@coupon/persistence';
import { OPERATION_KINDS } from '../../use-cases/model';
import type { JsonObject, NewOperation, Operation, OperationKind } from '../../use-cases/model';
import type { OperationRepository } from '../../use-cases/ports';
import { operationOf } from './rows';

const MAX_ERROR_LENGTH = 2_000;
/** Workers keep operations of their own in the table. */
const OURS = Prisma.join([...OPERATION_KINDS]);

export class MysqlOperations implements OperationRepository {
  constructor(private readonly db: Prisma.TransactionClient) {}

  async insert(operation: NewOperation): Promise<boolean> {
    try {
      await this.db.operation.create({
        data: {
          operationId: operation.operationId,
          kind: operation.kind,
          activityId: operation.activityId === null ? null : BigInt(operation.activityId),
          activeKey: operation.activeKey,
          state: operation.state,
          payload: operation.payload,
        },
      });
      return true;
    } catch (error) {
      const failure = classifyMysqlError(error);
      if (failure.kind === 'duplicate' && failure.key === 'uq_operations_active') return false;
      throw error;
    }
  }

  async get(operationId: string): Promise<Operation | null> {
    const row = await this.db.operation.findUnique({ where: { operationId } });
    return row && operationOf(row);
  }

  async activeId(activeKey: string): Promise<string | null> {
    const row = await this.db.operation.findUnique({ where: { activeKey }, select: { operationId: true } });
    return row?.operationId ?? null;
  }

  async lease(operationId: string, owner: string, ttlMs: number): Promise<Operation | null> {
    const rows = await this.db.$executeRaw`
      UPDATE operations SET lease_owner = ${owner}, attempts = attempts + 1,
        lease_until = CURRENT_TIMESTAMP(3) + INTERVAL ${ttlMs * 1000} MICROSECOND
      WHERE operation_id = ${operationId} AND finished_at IS NULL AND kind IN (${OURS})
        AND (lease_until IS NULL OR lease_until <= CURRENT_TIMESTAMP(3))`;
    return rows === 1 ? this.get(operationId) : null;
  }

  async advance(
    operationId: string,
    owner: string,
    step: { readonly from: string; readonly to: string; readonly payload: JsonObject },
  ): Promise<boolean> {
    const { count } = await this.db.operation.updateMany({
      where: { operationId, leaseOwner: owner, state: step.from, finishedAt: null },
      data: { state: step.to, payload: step.payload, lastError: null },
    });
    return count === 1;
  }

  async finish(
    operationId: string,
    owner: string,
    end: { readonly from: string; readonly state: 'done' | 'failed'; readonly result: JsonObject },
  ): Promise<boolean> {
    const rows = await this.db.$executeRaw`
      UPDATE operations SET state = ${end.state}, result = ${JSON.stringify(end.result)}, active_key = NULL,
        lease_owner = NULL, lease_until = NULL, finished_at = CURRENT_TIMESTAMP(3)
      WHERE operation_id = ${operationId} AND lease_owner = ${owner} AND state = ${end.from} AND finished_at IS NULL`;
    return rows === 1;
  }

  async postpone(operationId: string, owner: string, error: string, pauseMs: number): Promise<void> {
    await this.db.$executeRaw`
      UPDATE operations SET last_error = ${error.slice(0, MAX_ERROR_LENGTH)}, lease_owner = NULL,
        lease_until = CURRENT_TIMESTAMP(3) + INTERVAL ${pauseMs * 1000} MICROSECOND
      WHERE operation_id = ${operationId} AND lease_owner = ${owner} AND finished_at IS NULL`;
  }

  async due(limit: number): Promise<string[]> {
    const rows = await this.db.$queryRaw<{ operation_id: string }[]>`
      SELECT operation_id FROM operations
      WHERE finished_at IS NULL AND kind IN (${OURS})
        AND (lease_until IS NULL OR lease_until <= CURRENT_TIMESTAMP(3))
      ORDER BY id LIMIT ${limit}`;
    return rows.map((row) => row.operation_id);
  }

  async prune(olderThanMs: number, limit: number): Promise<number> {
    return this.db.$executeRaw`
      DELETE FROM operations
      WHERE finished_at < CURRENT_TIMESTAMP(3) - INTERVAL ${Math.ceil(olderThanMs / 1000)} SECOND
      ORDER BY finished_at LIMIT ${limit}`;
  }

  async failedSince(activityId: ActivityId, kind: OperationKind, withinMs: number): Promise<boolean> {
    const rows = await this.db.$queryRaw<unknown[]>`
      SELECT 1 FROM operations WHERE activity_id = ${BigInt(activityId)} AND kind = ${kind} AND state = 'failed'
        AND finished_at > CURRENT_TIMESTAMP(3) - INTERVAL ${withinMs * 1000} MICROSECOND LIMIT 1`;
    return rows.length > 0;
  }
}
