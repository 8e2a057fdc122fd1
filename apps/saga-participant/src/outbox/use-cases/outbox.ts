/** An event that was written in the transaction of what it tells about. */
export interface OutboxEvent {
  readonly id: bigint;
  /** The same however often it is published. */
  readonly eventId: string;
  readonly routingKey: string;
  readonly headers: Readonly<Record<string, string | number>>;
  /** JSON */
  readonly body: string;
  readonly createdMs: number;
}

export interface OutboxBatch {
  readonly taken: number;
  readonly published: number;
  /** The highest id that was taken. */
  readonly lastId: bigint | undefined;
}

export interface OutboxBacklog {
  /** Not published yet. */
  readonly events: number;
  /** Of the oldest of them; 0 when there is none. */
  readonly oldestAgeSeconds: number;
}

export interface Outbox {
  /**
   * Takes unpublished events after an id, in the order of ids, that no other relay has; marks those that `publish` resolves with. A batch whose
   * marking fails is taken again.
   */
  relay(
    batch: { readonly afterId: bigint; readonly limit: number },
    publish: (events: readonly OutboxEvent[]) => Promise<readonly OutboxEvent[]>,
  ): Promise<OutboxBatch>;
  backlog(): Promise<OutboxBacklog>;
  /** Removes events that were published so long ago. @returns how many */
  prune(options: { readonly retentionMs: number; readonly limit: number }): PromiseLike<number>;
}
