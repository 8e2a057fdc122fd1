import type { ClaimId, UserId } from '@coupon/domain';
import type { SettleResult } from '@coupon/lua';
import type { JsonObject, Operation } from '../model';
import { foundActivity } from '../not-found';
import type { AdminTables } from '../ports';
import { activityOf, step, textIn } from './step';
import type { OperationSteps, StepOutcome } from './step';

// The coupons are void in MySQL when the operation is written down. Redis then gives the units back together with an event; the worker
// that records the event lowers success_count.

interface ReleasedRow {
  readonly id: string;
  readonly slot: number | null;
}

type Settled = SettleResult | { readonly kind: 'drained' };

export const releaseSteps: OperationSteps = {
  created: step({
    act: async ({ operation, store, reads }): Promise<Settled> => {
      const id = activityOf(operation);
      const activity = foundActivity(await reads.activities.get(id), id);
      const result = await store.settle(id, {
        op: 'release',
        claimId: textIn(operation.payload, 'claim_id') as ClaimId,
        userId: textIn(operation.payload, 'user_id') as UserId,
        epoch: activity.epoch,
        reason: textIn(operation.payload, 'reason'),
      });
      return result.kind === 'not_loaded' && activity.drainedAtMs !== null ? { kind: 'drained' } : result;
    },
    record: (tables, operation, settled) => record(tables, operation, settled),
  }),
};

async function record(tables: AdminTables, operation: Operation, settled: Settled): Promise<StepOutcome> {
  switch (settled.kind) {
    case 'released':
    case 'already':
    case 'tombstoned':
      // Tombstoned: the claim is not in Redis (rebuilt without it), and the tombstone keeps it from coming back.
      return { kind: 'done', result: answerOf(operation) };
    case 'drained':
      // The activity has left Redis: no event will come, so MySQL counts by itself.
      await tables.activities.lowerSuccessCount(activityOf(operation), rowsOf(operation).length);
      return { kind: 'done', result: answerOf(operation) };
    case 'refused':
      return undo(tables, operation, settled.state);
    case 'confirmed':
    case 'exceeds_total':
    case 'no_such_claim':
    case 'not_loaded':
    case 'wrong_epoch':
      throw new Error(`Redis answers ${settled.kind}`);
  }
}

/** Redis knows that the claim was used: the coupons are valid again. */
async function undo(tables: AdminTables, operation: Operation, state: string): Promise<StepOutcome> {
  if (!(await tables.coupons.restore(rowsOf(operation)))) {
    throw new Error('the claim was used and its slots are taken: a person must look at it');
  }
  return {
    kind: 'failed',
    code: 'CONFLICT',
    message: 'the claim can no longer be released',
    details: { claim_id: textIn(operation.payload, 'claim_id'), state },
  };
}

function answerOf(operation: Operation): JsonObject {
  return JSON.parse(textIn(operation.payload, 'answer')) as JsonObject;
}

function rowsOf(operation: Operation): ReleasedRow[] {
  return operation.payload['rows'] as unknown as ReleasedRow[];
}
