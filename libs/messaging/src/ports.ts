/**
 * What the apps know of messaging. An adapter (RabbitMQ; another broker later) passes the suite in `test/conformance`.
 * Delivery is at least once in both directions: whoever receives must be able to meet the same event twice.
 */

/** A message to publish. `id` stays the same however often it is published; `body` goes out unchanged. */
export interface OutgoingMessage {
  readonly id: string;
  /** Event type and routing key, for example `flash_sale.succeeded.v1`. */
  readonly type: string;
  /** Final text, JSON in UTF-8. */
  readonly body: string | Buffer;
  /** When the event happened or was taken for publishing, epoch milliseconds. */
  readonly timestampMs: number;
  /** Straight into this queue; absent: to whoever is bound to `type`. */
  readonly queue?: string;
  /** Events of one key keep their order where the broker can do that. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  /** A message that reaches no queue counts as `returned`. @default true */
  readonly mandatory?: boolean;
}

/**
 * `confirmed`: the broker holds it durably in at least one queue. `returned`: it reached no queue. `failed`: the broker refused it
 * (`ambiguous: false`, for example a full queue) or nobody knows (`ambiguous: true`): publish it again with the same id.
 */
export type PublishResult =
  | { readonly kind: 'confirmed' }
  | { readonly kind: 'returned'; readonly reason: string }
  | { readonly kind: 'failed'; readonly ambiguous: boolean; readonly error: Error };

export interface EventPublisher {
  /** One result per message, in the order of the messages. Never rejects. */
  publishBatch(messages: readonly OutgoingMessage[]): Promise<PublishResult[]>;
  /** Whether a message could be sent right now. */
  readonly status: ChannelStatus;
  start(): Promise<void>;
  /** What is still unconfirmed ends as `failed`, ambiguous. */
  close(): Promise<void>;
}

/** A received message. */
export interface Delivery {
  /** Message id; the empty string when the sender gave none. */
  readonly id: string;
  /** Event type: the header `event_type`, else the routing key. */
  readonly type: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly redelivered: boolean;
  /** How often the broker handed it out before and got it back. */
  readonly deliveryCount: number;
}

export interface DeliveryBatch {
  readonly deliveries: readonly Delivery[];
  /**
   * Tells the broker that these are done. Says nothing to anybody once the channel they came by is gone: the broker delivers them again,
   * and a number from the old channel would acknowledge somebody else's message on the new one.
   */
  ack(deliveries: readonly Delivery[]): void;
  /** Aborts when the deliveries are no longer ours: whatever is not stored yet will be delivered again. */
  readonly lost: AbortSignal;
}

/** Works on one batch at a time. Resolving says nothing about acknowledgement; a rejection gives the whole batch back to the broker. */
export type BatchHandler = (batch: DeliveryBatch) => Promise<void>;

export interface EventConsumer {
  start(handler: BatchHandler): Promise<void>;
  /** Takes no more deliveries; resolves when the handler has finished its batch. */
  stop(): Promise<void>;
  close(): Promise<void>;
  readonly status: ChannelStatus;
  /** Deliveries in our hands that are not acknowledged. */
  readonly unacknowledged: number;
}

/** Looks into a queue without being a consumer of it. */
export interface QueueInspector {
  /** Messages ready for delivery; null when there is no such queue. */
  ready(queue: string): Promise<number | null>;
  /**
   * Shows every message that is in the queue now, once, to `visit`: `take` removes it, `keep` leaves it there.
   * @returns how many were taken.
   */
  scan(queue: string, visit: (delivery: Delivery) => Promise<'take' | 'keep'>): Promise<number>;
  close(): Promise<void>;
}

export interface ChannelStatus {
  readonly state: 'connecting' | 'open' | 'blocked' | 'closed';
  /** Why it is not open, for health answers and logs. */
  readonly reason?: string;
}

/** The part of a logger that is needed here; pino fits. */
export interface MessagingLogger {
  info(attributes: object, message: string): void;
  warn(attributes: object, message: string): void;
  error(attributes: object, message: string): void;
}
