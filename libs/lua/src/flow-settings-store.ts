import { FLOW_SETTINGS_KEY } from './keys';
import { REPLY, UnexpectedReplyError } from './reply-codes';
import { runScript } from './run-script';
import type { ClaimRedis } from './run-script';

/** Settings as they are stored: JSON whose meaning is flow-control's business, and the version they have. */
export interface StoredFlowSettings {
  readonly version: number;
  readonly body: string;
}

export type WriteFlowSettingsResult =
  { readonly kind: 'stored'; readonly version: number } | { readonly kind: 'conflict'; readonly version: number };

/** The flow-control settings that all gateways follow, one hash in Redis. */
export class FlowSettingsStore {
  constructor(private readonly redis: ClaimRedis) {}

  /** @returns null when nobody has ever changed anything. */
  async read(): Promise<StoredFlowSettings | null> {
    const [version, body] = await this.redis.hmget(FLOW_SETTINGS_KEY, 'version', 'body');
    if (version === null || version === undefined) return null;
    if (!/^\d+$/.test(version) || body === null || body === undefined) {
      throw new UnexpectedReplyError('flow settings', [version, body]);
    }
    return { version: Number(version), body };
  }

  /** Replaces the settings that had `expectedVersion` (0: none stored yet). `by` is kept for operators to see. */
  async write(expectedVersion: number, body: string, by: string): Promise<WriteFlowSettingsResult> {
    const reply = await runScript(this.redis, 'writeFlowSettings', [FLOW_SETTINGS_KEY], [expectedVersion, body, by]);
    const [status, version] = Array.isArray(reply) ? (reply as number[]) : [];
    if (status === 1 && version !== undefined) return { kind: 'stored', version };
    if (status === REPLY.DIFFERENT && version !== undefined) return { kind: 'conflict', version };
    throw new UnexpectedReplyError('write-flow-settings', reply);
  }
}
