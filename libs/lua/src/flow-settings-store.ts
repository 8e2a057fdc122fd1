import { FLOW_SETTINGS_KEY } from './keys';
import { REPLY, UnexpectedReplyError } from './reply-codes';
import { runScript } from './run-script';
import type { ClaimRedis } from './run-script';

/** Settings as they are stored: JSON whose meaning is flow-control's business, and the version they have. */
export interface StoredFlowSettings {
  readonly version: number;
  readonly body: string;
  readonly updatedMs: number;
  readonly updatedBy: string;
}

export type WriteFlowSettingsResult =
  { readonly kind: 'stored'; readonly version: number } | { readonly kind: 'conflict'; readonly version: number };

/** The flow-control settings that all gateways follow, one hash in Redis. */
export class FlowSettingsStore {
  constructor(private readonly redis: ClaimRedis) {}

  /** @returns null when nobody has ever changed anything. */
  async read(): Promise<StoredFlowSettings | null> {
    const fields = await this.redis.hmget(FLOW_SETTINGS_KEY, 'version', 'body', 'updated_ms', 'updated_by');
    const [version, body, updatedMs, updatedBy] = fields;
    if (version === null || version === undefined) return null;
    if (!/^\d+$/.test(version) || body === null || body === undefined) {
      throw new UnexpectedReplyError('flow settings', [version, body]);
    }
    return { version: Number(version), body, updatedMs: Number(updatedMs ?? 0), updatedBy: updatedBy ?? '' };
  }

  /**
   * Replaces the settings that had `expectedVersion` (0: none stored yet). `by` is kept for operators to see. With a `changeId` the call may
   * be repeated: the change that was stored last counts as stored.
   */
  async write(expectedVersion: number, body: string, by: string, changeId = ''): Promise<WriteFlowSettingsResult> {
    const args = [expectedVersion, body, by, changeId];
    const reply = await runScript(this.redis, 'writeFlowSettings', [FLOW_SETTINGS_KEY], args);
    const [status, version] = Array.isArray(reply) ? (reply as number[]) : [];
    if (status === 1 && version !== undefined) return { kind: 'stored', version };
    if (status === REPLY.DIFFERENT && version !== undefined) return { kind: 'conflict', version };
    throw new UnexpectedReplyError('write-flow-settings', reply);
  }
}
