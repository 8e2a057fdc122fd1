import { InvalidArgumentError } from '@coupon/domain';
import { changeStoredFlowSettings, decodeFlowSettings } from '@coupon/flow-control';
import type { FlowSettingsChange } from '@coupon/flow-control';
import type { StoredFlowSettings } from '@coupon/lua';
import { requireVersion } from '../not-found';
import { requestOperation } from '../operations/request-operation';
import type { OperationDeps, Plan } from '../operations/request-operation';
import { actorPayload } from '../operations/step';
import type { Ids } from '../ports';
import { flowSettingsView } from '../views/flow-settings-view';
import type { FlowSettingsView } from '../views/schemas';
import type { WriteRequest } from '../write';
import { storedFlowSettings } from './read-flow-settings.use-case';
import type { ReadFlowSettingsDeps } from './read-flow-settings.use-case';

export interface FlowSettingsDeps extends OperationDeps, ReadFlowSettingsDeps {
  readonly ids: Ids;
}

/**
 * Changes the limits of all gateways: written down as an operation, stored in Redis, then entered into the audit log with its end. What is
 * stored and makes no sense is replaced as a whole. @throws NOT_READY, CONFLICT with the current version, OUTCOME_UNKNOWN
 */
export async function changeFlowSettings(
  deps: FlowSettingsDeps,
  write: WriteRequest,
  command: { readonly version: number; readonly change: FlowSettingsChange },
): Promise<FlowSettingsView> {
  const answer = await requestOperation(deps, write, () => plan(deps, write, command));
  return answer as FlowSettingsView;
}

async function plan(
  deps: FlowSettingsDeps,
  write: WriteRequest,
  { version, change }: { readonly version: number; readonly change: FlowSettingsChange },
): Promise<Plan> {
  const stored = await storedFlowSettings(deps);
  requireVersion({ version: stored?.version ?? 0 }, version);
  const body = changed(stored, change);
  if (body === (stored?.body ?? '{}')) {
    return { kind: 'nothing_to_do', answer: flowSettingsView(stored, deps.userRatePerSecond) };
  }
  return {
    kind: 'operation',
    operation: {
      operationId: deps.ids.operationId(),
      kind: 'flow_settings',
      activityId: null,
      activeKey: 'flow_settings',
      state: 'created',
      payload: {
        actor: actorPayload(write.actor),
        action: write.action,
        version,
        before: stored?.body ?? '{}',
        after: body,
        user_rate: deps.userRatePerSecond,
      },
    },
  };
}

function changed(stored: StoredFlowSettings | null, change: FlowSettingsChange): string {
  try {
    const body = changeStoredFlowSettings(stored?.body ?? null, change);
    decodeFlowSettings(body);
    return body;
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return changeStoredFlowSettings(null, change);
  }
}
