import type { StoredFlowSettings } from '@coupon/lua';
import { decodeFlowSettings, patchFlowSettings } from './flow-settings';
import type { FlowSettings, FlowSettingsPatch } from './flow-settings';

export interface FlowSettingsWatcherDependencies {
  readonly store: { read(): Promise<Pick<StoredFlowSettings, 'version' | 'body'> | null> };
  /** In force for whatever is not stored. */
  readonly defaults: FlowSettings;
  /** Called with every change, and with the first settings that were read; `stored`: the part that is not the defaults'. */
  readonly apply: (settings: FlowSettings, version: number, stored: FlowSettingsPatch) => void;
  /** Called for every reading that failed, and once for settings that make no sense; the last ones stay in force. */
  readonly onError: (error: unknown) => void;
}

const POLL_MS = 1_000;
const PATIENCE_MS = 500;

/**
 * Follows the stored settings: a change is in force here at most a second and one reading after it was stored. Without Redis the last
 * settings stay; a Redis that has lost them means the defaults.
 */
export class FlowSettingsWatcher {
  private settings: FlowSettings;
  private version = -1;
  private body: string | null = null;
  private broken: { readonly version: number; readonly body: string | null } | null = null;
  private timer: NodeJS.Timeout | undefined;
  private readings = 0;
  private lastApplied = 0;

  constructor(private readonly deps: FlowSettingsWatcherDependencies) {
    this.settings = deps.defaults;
  }

  /** What is in force. Version 0: the defaults; -1: nothing was read yet. */
  current(): { readonly settings: FlowSettings; readonly version: number } {
    return { settings: this.settings, version: this.version };
  }

  /** Reads once, then every second. Resolves after the first reading or half a second; never rejects. */
  async start(): Promise<void> {
    if (this.timer !== undefined) return;
    this.timer = setInterval(() => void this.poll(), POLL_MS).unref();
    await this.poll();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** One reading; for who has just changed the settings and wants them here at once. Never rejects. */
  async poll(): Promise<void> {
    this.readings += 1;
    const reading = this.readings;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    await Promise.race([this.read(reading), patience]);
    clearTimeout(timer);
  }

  private async read(reading: number): Promise<void> {
    try {
      const stored = await this.deps.store.read();
      // A slow answer must not undo what a later reading brought.
      if (reading < this.lastApplied) return;
      this.lastApplied = reading;
      const { version, body } = stored ?? { version: 0, body: null };
      // The text as well: a Redis that has lost its settings counts from the beginning again.
      if (version === this.version && body === this.body) return;
      if (version === this.broken?.version && body === this.broken.body) return;
      this.broken = { version, body };
      const patch = body === null ? {} : decodeFlowSettings(body);
      this.broken = null;
      this.settings = patchFlowSettings(this.deps.defaults, patch);
      this.version = version;
      this.body = body;
      this.deps.apply(this.settings, version, patch);
    } catch (error) {
      this.deps.onError(error);
    }
  }
}
