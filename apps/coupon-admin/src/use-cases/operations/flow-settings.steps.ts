import type { StoredFlowSettings, WriteFlowSettingsResult } from '@coupon/lua';
import type { Json, JsonObject } from '../model';
import { flowSettingsView, shownPatch } from '../views/flow-settings-view';
import { actorOf, numberIn, step, textIn } from './step';
import type { OperationSteps, StepOutcome } from './step';

interface Acted {
  readonly result: WriteFlowSettingsResult;
  readonly stored: StoredFlowSettings | null;
}

/** Stored once per operation: Redis knows the last one by its id. The audit log has it in the transaction that ends the operation. */
export const flowSettingsSteps: OperationSteps = {
  created: step({
    act: async ({ operation, flowSettings }): Promise<Acted> => {
      const { payload, operationId } = operation;
      const by = actorOf(operation).subject;
      const result = await flowSettings.write(numberIn(payload, 'version'), textIn(payload, 'after'), by, operationId);
      return { result, stored: await flowSettings.read() };
    },
    record: async (tables, operation, { result, stored }): Promise<StepOutcome> => {
      const { payload } = operation;
      if (result.kind === 'conflict') {
        return {
          kind: 'failed',
          code: 'CONFLICT',
          message: `version ${numberIn(payload, 'version')} is not the current one (${result.version}): read again`,
          details: { field: 'version', version: result.version },
        };
      }
      await tables.audit.append({
        actor: actorOf(operation),
        action: textIn(payload, 'action'),
        entity: 'flow_settings',
        entityId: String(result.version),
        before: shownPatch(textIn(payload, 'before')) as Json,
        after: shownPatch(textIn(payload, 'after')) as Json,
      });
      return {
        kind: 'done',
        result: flowSettingsView(stored, numberIn(payload, 'user_rate')) as unknown as JsonObject,
      };
    },
  }),
};
