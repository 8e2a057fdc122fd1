import type { Channel, ChannelModel } from 'amqplib';
import { backoffDelayMs } from '../backoff';
import type { ChannelStatus, MessagingLogger } from '../ports';
import type { AmqpConnection } from './amqp-connection';
import { closeChannel } from './close-channel';

export interface ChannelKeeperOptions<C extends Channel> {
  readonly connection: AmqpConnection;
  readonly name: string;
  readonly logger: MessagingLogger;
  readonly open: (model: ChannelModel) => Promise<C>;
  /** Prepares a new channel before anybody uses it; `isOpen` turns false when it has been closed meanwhile. */
  readonly prepare: (channel: C, model: ChannelModel, isOpen: () => boolean) => Promise<void>;
  /** The channel is gone, for whatever reason. */
  readonly lost: (channel: C, error: Error) => void;
  readonly random: () => number;
}

/** Keeps one channel open: a new one after each that was closed, by the broker or with the connection. */
export class ChannelKeeper<C extends Channel> {
  private current: C | undefined;
  private closed = false;
  private opening = false;
  private attempt = 0;
  private lastError = 'not open yet';
  private timer: NodeJS.Timeout | undefined;
  private removeListener: (() => void) | undefined;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly options: ChannelKeeperOptions<C>) {}

  get channel(): C | undefined {
    return this.current;
  }

  get status(): ChannelStatus {
    if (this.closed) return { state: 'closed', reason: 'closed' };
    const connection = this.options.connection.status;
    if (connection.state !== 'open') return connection;
    return this.current === undefined ? { state: 'connecting', reason: this.lastError } : { state: 'open' };
  }

  start(): void {
    this.removeListener ??= this.options.connection.onUp((model) => {
      this.attempt = 0;
      void this.openOn(model);
    });
  }

  /** Resolves with an open channel, or undefined when there is none within the time or it was closed for good. */
  async whenOpen(timeoutMs: number): Promise<C | undefined> {
    if (this.current !== undefined || this.closed) return this.current;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.waiting.add(done);
    });
    return this.current;
  }

  /** Gives the channel up; another one follows. */
  async discard(): Promise<void> {
    const channel = this.current;
    if (channel === undefined) return;
    this.lose(channel, new Error('channel given up'));
    await closeChannel(channel);
    this.retry();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.removeListener?.();
    clearTimeout(this.timer);
    const channel = this.current;
    if (channel !== undefined) {
      this.lose(channel, new Error('channel closed'));
      await closeChannel(channel);
    }
    this.wake();
  }

  private async openOn(model: ChannelModel): Promise<void> {
    if (this.closed || this.opening || this.current !== undefined || this.options.connection.current !== model) return;
    this.opening = true;
    clearTimeout(this.timer);
    let channel: C | undefined;
    let open = true;
    try {
      channel = await this.options.open(model);
      const opened = channel;
      opened.on('error', (error) => {
        this.lastError = error.message;
      });
      // First in line: amqplib's own listener fails the open confirms in a way that cannot be told from the broker's refusal.
      opened.prependOnceListener('close', () => {
        open = false;
        if (this.current === opened) {
          this.lose(opened, new Error(this.lastError));
          this.retry();
        }
      });
      await this.options.prepare(opened, model, () => open);
      if (!open) throw new Error(this.lastError);
      this.current = opened;
      this.attempt = 0;
      this.wake();
    } catch (error) {
      this.lastError = error instanceof Error ? error.message : String(error);
      this.options.logger.warn({ err: error, instance: this.options.name }, 'channel cannot be opened');
      if (channel !== undefined && open) await closeChannel(channel);
      this.retry();
    } finally {
      this.opening = false;
    }
    if (this.closed && this.current !== undefined) {
      const late = this.current;
      this.current = undefined;
      await closeChannel(late);
    }
  }

  private lose(channel: C, error: Error): void {
    this.current = undefined;
    this.options.lost(channel, error);
  }

  /** After a lost connection its return opens the next channel; a channel that was lost alone is opened again after a pause. */
  private retry(): void {
    if (this.closed) return;
    clearTimeout(this.timer);
    this.attempt += 1;
    this.timer = setTimeout(
      () => {
        const model = this.options.connection.current;
        if (model !== undefined) void this.openOn(model);
      },
      backoffDelayMs(this.attempt, { minDelayMs: 50, maxDelayMs: 2_000, random: this.options.random }),
    );
    this.timer.unref();
  }

  private wake(): void {
    for (const done of [...this.waiting]) done();
  }
}
