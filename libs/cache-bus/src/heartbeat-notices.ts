import type { SentHeartbeat } from '@coupon/cache';
import { CACHE_EXCHANGE } from '@coupon/contracts';
import { AmqpConnection, RabbitMqPublisher, binlogTopology } from '@coupon/messaging';
import type { MessagingLogger } from '@coupon/messaging';
import { encodeNotice } from './cache-notice';

export interface HeartbeatNoticesOptions {
  readonly url: string;
  /** Shown in the broker's lists. */
  readonly name: string;
  readonly logger: MessagingLogger;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number;
}

/** One that is late is worse than none: it says how fast a heartbeat may be. */
const PATIENCE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/** Tells every listener, past the binlog, that a heartbeat has set out. A component of the process that writes heartbeats. */
export class HeartbeatNotices {
  readonly name = 'heartbeat notices';
  private readonly connection: AmqpConnection;
  private readonly publisher: RabbitMqPublisher;

  constructor({ url, name, logger, random = Math.random }: HeartbeatNoticesOptions) {
    this.connection = new AmqpConnection({
      url,
      name: `${name} heartbeats`,
      logger,
      random,
      maxDelayMs: LONGEST_PAUSE_MS,
    });
    this.publisher = new RabbitMqPublisher({
      connection: this.connection,
      logger,
      exchange: CACHE_EXCHANGE,
      topology: binlogTopology(),
      readyTimeoutMs: PATIENCE_MS,
      random,
    });
  }

  async start(): Promise<void> {
    await this.publisher.start();
  }

  async close(): Promise<void> {
    await this.publisher.close();
    await this.connection.close();
  }

  /** Not repeated: the next one is on its way. Never rejects. */
  async sent(heartbeat: SentHeartbeat): Promise<void> {
    const body = encodeNotice({ kind: 'sent', heartbeat });
    await this.publisher.publishBatch([
      { id: 'heartbeat', type: '', body, timestampMs: heartbeat.sentMs, mandatory: false },
    ]);
  }
}
