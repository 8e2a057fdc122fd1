import { BINLOG_EXCHANGE, HEARTBEAT_TABLE } from '@coupon/contracts';
import type { EventPublisher, OutgoingMessage, PublishResult } from '@coupon/messaging';
import { AbandonedError, withPatience } from '../with-patience';
import type { Patience } from '../with-patience';
import { canalText } from './canal-messages';
import type { CanalChange } from './canal-messages';

export interface ChangePublisherOptions {
  readonly publisher: Pick<EventPublisher, 'publishBatch'>;
  readonly nowMs: () => number;
  readonly patience: Patience;
  readonly onConfirmed: (change: CanalChange) => void;
}

/** Publishes changes in their order, each until it is confirmed. */
export class ChangePublisher {
  private batch = 0;

  constructor(private readonly options: ChangePublisherOptions) {}

  /**
   * Resolves when every change is confirmed. A heartbeat leaves only after everything before it is confirmed: whoever hears it may rely on that.
   * @throws AbandonedError when the patience ends
   */
  async publish(changes: readonly CanalChange[]): Promise<void> {
    let from = 0;
    while (from < changes.length) {
      let to = from + 1;
      while (to < changes.length && changes[to]?.table !== HEARTBEAT_TABLE) to += 1;
      await this.publishTogether(changes.slice(from, to));
      from = to;
    }
  }

  private async publishTogether(changes: readonly CanalChange[]): Promise<void> {
    const { patience, publisher, nowMs, onConfirmed } = this.options;
    this.batch += 1;
    let open = changes;
    await withPatience('publish changes', patience, async () => {
      const messages = open.map((change, index) => this.messageOf(change, index, nowMs()));
      const results = await orAbandoned(publisher.publishBatch(messages), patience.signal);
      const failed = results.findIndex(({ kind }) => kind !== 'confirmed');
      const confirmed = failed === -1 ? open : open.slice(0, failed);
      for (const change of confirmed) onConfirmed(change);
      // From the first that failed: the order counts, and a change may be told twice.
      open = open.slice(confirmed.length);
      if (failed !== -1) throw notConfirmed(results[failed]);
    });
  }

  private messageOf(change: CanalChange, index: number, nowMs: number): OutgoingMessage {
    return {
      id: `binlog-${this.batch}-${index}`,
      type: BINLOG_EXCHANGE,
      body: canalText(change, this.batch, nowMs),
      timestampMs: nowMs,
    };
  }
}

function notConfirmed(result: PublishResult | undefined): Error {
  if (result?.kind === 'returned') return new Error(`message returned: ${result.reason}`);
  return new Error('message not confirmed', { cause: result?.kind === 'failed' ? result.error : undefined });
}

/** A broker that does not answer must not hold up whoever takes over, or the end of the process. */
async function orAbandoned<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abandon = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    abandon = () => reject(new AbandonedError());
    if (signal.aborted) abandon();
    else signal.addEventListener('abort', abandon, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}
