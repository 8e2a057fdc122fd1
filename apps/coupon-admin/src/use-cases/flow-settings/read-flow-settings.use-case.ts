import { AppError } from '@coupon/domain';
import { UnexpectedReplyError } from '@coupon/lua';
import type { StoredFlowSettings } from '@coupon/lua';
import type { FlowSettingsPort } from '../ports';
import { flowSettingsView } from '../views/flow-settings-view';
import type { FlowSettingsView } from '../views/schemas';

export interface ReadFlowSettingsDeps {
  readonly flowSettings: Pick<FlowSettingsPort, 'read'>;
  readonly userRatePerSecond: number;
}

/** The limits as they are stored, and what they come to. @throws NOT_READY without Redis */
export async function readFlowSettings(deps: ReadFlowSettingsDeps): Promise<FlowSettingsView> {
  return flowSettingsView(await storedFlowSettings(deps), deps.userRatePerSecond);
}

/** @throws NOT_READY */
export async function storedFlowSettings(deps: ReadFlowSettingsDeps): Promise<StoredFlowSettings | null> {
  try {
    return await deps.flowSettings.read();
  } catch (error) {
    if (error instanceof UnexpectedReplyError) throw error;
    throw new AppError('NOT_READY', 'the limits cannot be read in Redis at the moment', { cause: error });
  }
}
