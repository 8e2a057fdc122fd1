import type { ClaimId, UserId } from '@coupon/domain';
import type { SettleResult } from '@coupon/lua';
import type { JsonObject, Operation } from '../model';
import type { AdminTables } from '../ports';
import { activityOf, currentActivity, next, notNow, step, textIn } from './step';
import type { OperationSteps, StepOutcome } from './step';

// The coupons are void in MySQL when the operation is written down. Redis then gives the units back together with an event; the worker
// that records the event lowers success_count.

interface ReleasedRow {
  readonly id: string;
  readonly slot: number | null;
}

export const releaseSteps: OperationSteps = {
  created: step({
    act: async (context): Promise<SettleResult> => {
      const { operation, store } = context;
      const activity = await currentActivity(context);
      return store.settle(activity.id, {
        op: 'release',
        claimId: textIn(operation.payload, 'claim_id') as ClaimId,
        userId: textIn(operation.payload, 'user_id') as UserId,
        epoch: activity.epoch,
        reason: textIn(operation.payload, 'reason'),
      });
    },
    record: (tables, operation, settled) => record(tables, operation, settled),
  }),
};

async function record(tables: AdminTables, operation: Operation, settled: SettleResult): Promise<StepOutcome> {
  switch (settled.kind) {
    case 'released':
    case 'already':
    case 'tombstoned':
      await watchAgain(tables, operation);
      // Tombstoned: the claim is not in Redis (rebuilt without it), and the tombstone keeps it from coming back.
      return { kind: 'done', result: answerOf(operation) };
    case 'refused':
      return undo(tables, operation, settled.state);
    case 'confirmed':
    case 'exceeds_total':
    case 'no_such_claim':
    case 'wrong_epoch':
    case 'wrong_run':
      throw notNow(settled);
    case 'not_loaded':
      // Written off and removed since the coupons were made void: watched again, it is rebuilt by a worker, and the release goes on.
      if (await watchAgain(tables, operation)) return next('created');
      throw notNow(settled);
  }
}

/**
 * A drained activity is nobody's concern any more; the event of the release is. Never decided by a reading: a worker that writes the activity
 * off at this moment holds its row, has seen Redis before the release, and is waited for. @returns whether it was drained.
 */
function watchAgain(tables: AdminTables, operation: Operation): Promise<boolean> {
  return tables.activities.watchAgain(activityOf(operation));
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
