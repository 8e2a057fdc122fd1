import type { ActivityId } from '@coupon/domain';
import { activityKeys } from './keys';
import { REPLY, UnexpectedReplyError } from './reply-codes';
import { runScript } from './run-script';
import type { ClaimRedis } from './run-script';

/** An event waiting to be published. `body` is its final JSON text. */
export interface OutboxEntry {
  readonly streamId: string;
  /** Routing key. */
  readonly type: string;
  readonly eventId: string;
  readonly seq: number;
  readonly body: string;
}

const GROUP = 'relay';
const MAX_IDS_PER_CALL = 2000;

type StreamReply = [id: string, fields: string[] | null][];

/** The outbox of activities, one stream each, read by the consumer group `relay`. */
export class OutboxStream {
  constructor(private readonly redis: ClaimRedis) {}

  /** New entries, handed to this consumer alone. Empty when there are none or the activity is not loaded. */
  async read(id: ActivityId, options: { consumer: string; count: number }): Promise<OutboxEntry[]> {
    const key = activityKeys(id).outbox;
    const reply: unknown = await this.redis
      .xreadgroup('GROUP', GROUP, options.consumer, 'COUNT', options.count, 'STREAMS', key, '>')
      .catch(emptyWhenGone);
    const streams = (reply ?? []) as [string, StreamReply][];
    return entriesOf(streams[0]?.[1] ?? []);
  }

  /** Entries another consumer took and did not confirm for `minIdleMs`: its process is gone. */
  async claimStale(
    id: ActivityId,
    options: { consumer: string; minIdleMs: number; count: number },
  ): Promise<OutboxEntry[]> {
    const reply = (await this.redis
      .xautoclaim(activityKeys(id).outbox, GROUP, options.consumer, options.minIdleMs, '0', 'COUNT', options.count)
      .catch(emptyWhenGone)) as [string, StreamReply] | null;
    return entriesOf(reply?.[1] ?? []);
  }

  /** Removes confirmed entries. @returns how many were still there. */
  async acknowledge(id: ActivityId, streamIds: readonly string[]): Promise<number> {
    let deleted = 0;
    for (let at = 0; at < streamIds.length; at += MAX_IDS_PER_CALL) {
      const reply = await runScript(
        this.redis,
        'acknowledgeOutbox',
        [activityKeys(id).outbox],
        streamIds.slice(at, at + MAX_IDS_PER_CALL),
      );
      deleted += Number(reply);
    }
    return deleted;
  }

  /** Entries in the stream, and how many of them a relay has taken without confirming. */
  async pending(id: ActivityId): Promise<{ length: number; pending: number }> {
    const key = activityKeys(id).outbox;
    const length = await this.redis.xlen(key);
    const summary = (await this.redis.xpending(key, GROUP).catch(emptyWhenGone)) as [number] | null;
    return { length, pending: summary?.[0] ?? 0 };
  }

  /** Event sequence numbers that are still in the outbox. Reads in pages; an entry added meanwhile may be missed. */
  async sequences(id: ActivityId): Promise<Set<number>> {
    const found = new Set<number>();
    let from = '-';
    for (;;) {
      const page = (await this.redis.xrange(activityKeys(id).outbox, from, '+', 'COUNT', 1000)) as StreamReply;
      for (const entry of entriesOf(page)) found.add(entry.seq);
      const last = page[page.length - 1]?.[0];
      if (last === undefined || page.length < 1000) return found;
      from = `(${last}`;
    }
  }

  /** Consumers of the group without pending entries that have not read for `idleMs` are removed. @returns their names. */
  async removeIdleConsumers(id: ActivityId, idleMs: number): Promise<string[]> {
    const removed = await runScript(this.redis, 'removeIdleConsumers', [activityKeys(id).outbox], [idleMs]);
    return Array.isArray(removed) ? removed.map(String) : [];
  }
}

/** An event that MySQL has committed; `units` is negative for a release. */
export interface PersistedEvent {
  readonly seq: number;
  readonly units: number;
}

/** Tells the gateway's side which events MySQL has committed; marking one twice counts once. @returns false when the activity is not loaded. */
export async function markPersisted(
  redis: ClaimRedis,
  id: ActivityId,
  events: readonly PersistedEvent[],
): Promise<boolean> {
  const k = activityKeys(id);
  for (let at = 0; at < events.length; at += MAX_IDS_PER_CALL / 2) {
    const args: number[] = [];
    for (const event of events.slice(at, at + MAX_IDS_PER_CALL / 2)) args.push(event.seq, event.units);
    const reply = await runScript(redis, 'markPersisted', [k.activity, k.persisted, k.stats], args);
    if (!Array.isArray(reply)) throw new UnexpectedReplyError('mark-persisted', reply);
    if (reply[0] === REPLY.NOT_LOADED) return false;
    if (reply[0] !== 0) throw new UnexpectedReplyError('mark-persisted', reply);
  }
  return true;
}

function emptyWhenGone(error: unknown): null {
  if (error instanceof Error && error.message.startsWith('NOGROUP')) return null;
  throw error;
}

function entriesOf(reply: StreamReply): OutboxEntry[] {
  const entries: OutboxEntry[] = [];
  for (const [streamId, fields] of reply) {
    if (fields === null) continue;
    entries.push({
      streamId,
      type: valueOf(fields, 'type', 0),
      eventId: valueOf(fields, 'id', 1),
      seq: Number(valueOf(fields, 'seq', 2)),
      body: valueOf(fields, 'body', 3),
    });
  }
  return entries;
}

/** Our scripts write the fields in this order; a reader must not depend on it. */
function valueOf(fields: readonly unknown[], name: string, expected: number): string {
  const at = fields[2 * expected] === name ? 2 * expected : fields.indexOf(name);
  const value = at < 0 ? undefined : fields[at + 1];
  if (typeof value !== 'string') throw new UnexpectedReplyError('outbox entry', fields);
  return value;
}
