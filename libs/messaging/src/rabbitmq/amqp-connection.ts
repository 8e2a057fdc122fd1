import { connect } from 'amqplib';
import type { Writable } from 'node:stream';
import type { ChannelModel, RecoveringChannelModel } from 'amqplib';
import { backoffDelayMs } from '../backoff';
import type { ChannelStatus, MessagingLogger } from '../ports';

export interface AmqpConnectionOptions {
  /** amqp:// or amqps:// with the virtual host as its path. */
  readonly url: string;
  /** Shown in the broker's list of connections. */
  readonly name: string;
  readonly logger: MessagingLogger;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number;
  /** To reach the broker and log in. @default 5000 */
  readonly connectTimeoutMs?: number;
  /** A connection on which nothing was heard for twice this long is given up. @default 10 */
  readonly heartbeatSeconds?: number;
  /** Pauses between two attempts to connect. @default 100 and 5000 */
  readonly minDelayMs?: number;
  readonly maxDelayMs?: number;
}

type UpListener = (model: ChannelModel) => void;

/**
 * One TCP connection to RabbitMQ that comes back by itself. Channels do not come back: whoever holds one opens a new one when told that
 * the connection is up again (see ChannelKeeper).
 */
export class AmqpConnection {
  private recovering: RecoveringChannelModel | undefined;
  private model: ChannelModel | undefined;
  private blockedReason: string | undefined;
  private lastError = 'not connected yet';
  private closed = false;
  private readonly upListeners = new Set<UpListener>();
  private readonly changeListeners = new Set<() => void>();

  constructor(private readonly options: AmqpConnectionOptions) {}

  get status(): ChannelStatus {
    if (this.closed) return { state: 'closed', reason: 'closed' };
    if (this.model === undefined) return { state: 'connecting', reason: this.lastError };
    if (this.blockedReason !== undefined) return { state: 'blocked', reason: this.blockedReason };
    return { state: 'open' };
  }

  /** The broker has stopped reading from this connection (memory or disk alarm). */
  get blocked(): boolean {
    return this.blockedReason !== undefined;
  }

  /** Begins to connect; does not wait for success. */
  async start(): Promise<void> {
    if (this.recovering !== undefined || this.closed) return;
    const { random = Math.random, connectTimeoutMs = 5_000, heartbeatSeconds = 10, logger } = this.options;
    const { minDelayMs = 100, maxDelayMs = 5_000 } = this.options;
    const recovering = await connect(withHeartbeat(this.options.url, heartbeatSeconds), {
      timeout: connectTimeoutMs,
      noDelay: true,
      clientProperties: { connection_name: this.options.name },
      recovery: {
        waitForConnect: false,
        calculateDelay: (attempt) => backoffDelayMs(attempt, { minDelayMs, maxDelayMs, random }),
      },
    });
    this.recovering = recovering;
    recovering.on('connect', (model) => this.up(model));
    recovering.on('disconnect', (error) => this.down(error));
    recovering.on('connect-failed', (error) => {
      this.lastError = error.message;
      logger.warn({ err: error, instance: this.options.name }, 'RabbitMQ cannot be reached');
    });
    recovering.on('error', (error) => {
      this.lastError = error.message;
    });
    recovering.on('blocked', (reason) => this.setBlocked(reason || 'blocked by the broker'));
    recovering.on('unblocked', () => this.setBlocked(undefined));
  }

  /** Calls the listener for every connection that comes up, also for the present one. The returned function removes it. */
  onUp(listener: UpListener): () => void {
    this.upListeners.add(listener);
    if (this.model !== undefined) listener(this.model);
    return () => this.upListeners.delete(listener);
  }

  /** Calls the listener whenever `status` may have changed. */
  onChange(listener: () => void): () => void {
    this.changeListeners.add(listener);
    return () => this.changeListeners.delete(listener);
  }

  /** The open connection, if there is one. */
  get current(): ChannelModel | undefined {
    return this.model;
  }

  /** @throws Error when the connection is not up within the time. */
  async whenUp(timeoutMs: number): Promise<ChannelModel> {
    if (this.model !== undefined) return this.model;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        remove();
        reject(new Error(`RabbitMQ not connected within ${timeoutMs} ms: ${this.lastError}`));
      }, timeoutMs);
      const remove = this.onUp((model) => {
        clearTimeout(timer);
        remove();
        resolve(model);
      });
    });
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const { recovering } = this;
    this.model = undefined;
    this.blockedReason = undefined;
    this.changed();
    // A broker that does not answer the closing handshake must not hold up a shutdown.
    if (recovering !== undefined) await Promise.race([recovering.close(), pause(1_000)]);
  }

  private up(model: ChannelModel): void {
    if (this.closed) return;
    writeInBundles(model);
    this.model = model;
    this.options.logger.info({ instance: this.options.name }, 'connected to RabbitMQ');
    this.changed();
    for (const listener of [...this.upListeners]) listener(model);
  }

  private down(error: Error): void {
    this.model = undefined;
    this.blockedReason = undefined;
    this.lastError = error.message;
    this.options.logger.warn({ err: error, instance: this.options.name }, 'connection to RabbitMQ lost');
    this.changed();
  }

  private setBlocked(reason: string | undefined): void {
    this.blockedReason = reason;
    const { logger, name } = this.options;
    if (reason === undefined) logger.info({ instance: name }, 'RabbitMQ reads from this connection again');
    else logger.error({ instance: name, reason }, 'RabbitMQ has blocked this connection');
    this.changed();
  }

  private changed(): void {
    for (const listener of [...this.changeListeners]) listener();
  }
}

function withHeartbeat(url: string, seconds: number): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(seconds));
  return parsed.toString();
}

/**
 * amqplib hands every message to the socket by a write of its own, which costs a system call and a packet each, here and in the broker. Held
 * together until the end of the event-loop turn they are one. The socket is not part of amqplib's interface: without it nothing changes but
 * the speed.
 */
function writeInBundles(model: ChannelModel): void {
  const { stream } = model.connection as { stream?: Partial<Pick<Writable, 'cork' | 'uncork' | 'write'>> };
  if (stream?.cork === undefined || stream.uncork === undefined || stream.write === undefined) return;
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  let held = false;
  stream.write = ((...args: unknown[]): boolean => {
    if (!held) {
      held = true;
      stream.cork?.();
      setImmediate(() => {
        held = false;
        stream.uncork?.();
      });
    }
    return write(...args);
  }) as Writable['write'];
}

async function pause(ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
