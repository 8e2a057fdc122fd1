import { createHash } from 'node:crypto';
import type { Heartbeat } from '@coupon/cache';
import { HEARTBEAT_TABLE, parseCanalMessage } from '@coupon/contracts';
import type { CanalMessage, CanalRow } from '@coupon/contracts';

/** What a message of the exchange `coupon.binlog` says. */
export type Announcement =
  | { readonly kind: 'heartbeats'; readonly beats: readonly Heartbeat[] }
  /** Rows of a table that concerns nobody here; nothing else of the message was looked at. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'change'; readonly message: CanalMessage; readonly version: string }
  /** `table` is empty when nobody knows whose change it was. */
  | {
      readonly kind: 'unreadable';
      readonly table: string;
      readonly code: string;
      readonly reason: string;
      readonly version: string;
    };

/**
 * Never throws.
 * @param concerns whether rows of this table concern the reader: a process with a small cache hears of every claim of a sale
 */
export function readAnnouncement(body: Buffer, concerns: (table: string) => boolean): Announcement {
  const parsed = parseCanalMessage(body, (table) => table === HEARTBEAT_TABLE || concerns(table));
  if (parsed === 'skipped') return { kind: 'foreign' };
  if (!parsed.ok) {
    const { table, code, reason } = parsed;
    return { kind: 'unreadable', table, code, reason, version: versionOf(body) };
  }
  const { message } = parsed;
  if (message.table !== HEARTBEAT_TABLE || message.isDdl) return { kind: 'change', message, version: versionOf(body) };
  if (message.type === 'DELETE' || message.data === null) return { kind: 'heartbeats', beats: [] };
  return { kind: 'heartbeats', beats: message.data.flatMap(beatOf) };
}

function beatOf({ source, beat, acknowledged }: CanalRow): Heartbeat[] {
  const [sentMs, acknowledgedMs] = [millisecondsOf(beat), millisecondsOf(acknowledged)];
  if (typeof source !== 'string' || sentMs === undefined) return [];
  return [{ source, sentMs, acknowledgedMs: acknowledgedMs ?? 0 }];
}

function millisecondsOf(column: string | null | undefined): number | undefined {
  const value = Number(column);
  return typeof column === 'string' && Number.isSafeInteger(value) ? value : undefined;
}

/**
 * The version of a change: 16 characters of the SHA-1 of the message as it was published. Every consumer gets the same bytes. The number of the
 * batch and the time of the message are in it, so that two changes of a row to the same contents within a second differ, which no column of
 * `user_coupons` promises; a message that its sender repeats counts as another change, which costs a miss.
 */
function versionOf(body: Buffer): string {
  return createHash('sha1').update(body).digest('base64url').slice(0, 16);
}
