import { DEFAULT_FLOW_SETTINGS, decodeFlowSettings, patchFlowSettings } from '@coupon/flow-control';
import type { FlowSettings, FlowSettingsPatch } from '@coupon/flow-control';
import { InvalidArgumentError } from '@coupon/domain';
import type { StoredFlowSettings } from '@coupon/lua';
import type { FlowSettingsView } from './schemas';

/** @param userRate the limit per user that activities are loaded with */
export function flowSettingsView(stored: StoredFlowSettings | null, userRate: number): FlowSettingsView {
  const defaults = { ...DEFAULT_FLOW_SETTINGS, per_user: userRate };
  const { patch, problem } = readable(stored?.body ?? '{}');
  return {
    version: stored?.version ?? 0,
    updated_at: stored === null ? null : new Date(stored.updatedMs).toISOString(),
    updated_by: stored?.updatedBy ?? null,
    settings: shown(patchFlowSettings(defaults, patch)),
    changed: Object.keys(patch),
    defaults: shown(defaults),
    problem,
  };
}

/** What is stored as the audit log shows it: only what differs from the defaults. */
export function shownPatch(body: string): Record<string, unknown> {
  const { patch, problem } = readable(body);
  return problem === null ? withOff(patch) : { problem };
}

function readable(body: string): { readonly patch: FlowSettingsPatch; readonly problem: string | null } {
  try {
    return { patch: decodeFlowSettings(body), problem: null };
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return { patch: {}, problem: error.violations.map(({ field, message }) => `${field} ${message}`).join('; ') };
  }
}

function shown(settings: FlowSettings): FlowSettingsView['settings'] {
  return withOff(settings) as FlowSettingsView['settings'];
}

/** A limit that is off is shown by the word that switches it off. */
function withOff(settings: FlowSettingsPatch): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, value ?? 'off']));
}
