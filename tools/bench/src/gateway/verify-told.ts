import type { ActivityId } from '@coupon/domain';
import { ActivityStore, activityKeys, decodeReceipts } from '@coupon/lua';
import type { Redis } from 'ioredis';
import type { Told, ToldActivity } from './told';

const PAGE = 2_000;
const MOST_PROBLEMS = 5;

/** Redis and the clients disagree. */
export class ToldOtherwise extends Error {
  override readonly name = 'ToldOtherwise';
}

/**
 * Redis holds exactly what the clients were told: units, events, counters, and for every user the very claim ids, each with an event number
 * of its own from 1 without gaps. Every user and every receipt is compared, nothing is sampled. Nobody may be claiming meanwhile.
 * @throws ToldOtherwise with the first differences
 */
export async function verifyTold(redis: Redis, told: Told): Promise<void> {
  for (const [id, activity] of told.activities) {
    const problems = [
      ...(await compareCounters(redis, id as ActivityId, activity)),
      ...(await compareReceipts(redis, id as ActivityId, activity)),
    ];
    if (problems.length > 0) {
      throw new ToldOtherwise(
        `activity ${id}: ${problems.slice(0, MOST_PROBLEMS).join('; ')} (${problems.length} differences)`,
      );
    }
  }
}

async function compareCounters(redis: Redis, id: ActivityId, told: ToldActivity): Promise<string[]> {
  const store = new ActivityStore(redis);
  const snapshot = await store.snapshot(id);
  if (snapshot === null) return ['Redis does not have it'];
  const stats = await store.stats(id);
  const exact: readonly (readonly [string, number, number])[] = [
    ['units taken', snapshot.claimed, told.accepted],
    ['units left', snapshot.available, snapshot.total - told.accepted],
    ['events', snapshot.eventSeq, told.accepted],
    ['outbox entries', await redis.xlen(activityKeys(id).outbox), told.accepted],
    ['counter units_accepted', stats['units_accepted'] ?? 0, told.accepted],
    ['counter claims_accepted', stats['claims_accepted'] ?? 0, told.accepted],
    ['counter claims_replayed', stats['claims_replayed'] ?? 0, told.replayed],
  ];
  const problems = exact
    .filter(([, found, expected]) => found !== expected)
    .map(([what, found, expected]) => `${what}: ${found}, told ${expected}`);
  for (const [name, count] of Object.entries(stats)) {
    const code = /^refused:(.+)$/.exec(name)?.[1];
    // A gateway may refuse without asking Redis, so more may be told than Redis has counted, never less.
    if (code !== undefined && count > (told.refused.get(code) ?? 0)) {
      problems.push(`counter ${name}: ${count}, told ${told.refused.get(code) ?? 0}`);
    }
  }
  return problems;
}

async function compareReceipts(redis: Redis, id: ActivityId, told: ToldActivity): Promise<string[]> {
  const problems: string[] = [];
  const seen = new Set<string>();
  const events = new Uint8Array(told.accepted + 1);
  let cursor = '0';
  do {
    const [next, fields] = await redis.hscan(activityKeys(id).user, cursor, 'COUNT', PAGE);
    cursor = next;
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [user, value] = [fields[i] as string, fields[i + 1] as string];
      if (seen.has(user)) continue; // HSCAN may give an entry twice
      seen.add(user);
      problems.push(...compareUser(user, value, told, events));
    }
  } while (cursor !== '0' && problems.length < MOST_PROBLEMS);
  if (problems.length > 0) return problems;
  for (const user of told.wins.keys())
    if (!seen.has(user)) problems.push(`user ${user} was told a win and has no receipt`);
  for (const user of told.replays.keys())
    if (!seen.has(user)) problems.push(`user ${user} was told a replay and has no receipt`);
  for (let seq = 1; seq <= told.accepted; seq += 1)
    if (events[seq] !== 1) problems.push(`event ${seq} belongs to no receipt`);
  return problems;
}

function compareUser(user: string, value: string, told: ToldActivity, events: Uint8Array): string[] {
  const receipts = decodeReceipts(value);
  const held = receipts.map(({ claimId }) => claimId).sort();
  const wins = [...(told.wins.get(user) ?? [])].sort();
  const problems: string[] = [];
  if (held.join() !== wins.join()) problems.push(`user ${user} holds [${held.join()}], told [${wins.join()}]`);
  for (const claimId of told.replays.get(user) ?? []) {
    if (!held.includes(claimId)) problems.push(`user ${user} was told ${claimId} again and does not hold it`);
  }
  for (const { eventSeq } of receipts) {
    if (eventSeq < 1 || eventSeq >= events.length || events[eventSeq] === 1)
      problems.push(`user ${user} has event ${eventSeq}`);
    else events[eventSeq] = 1;
  }
  return problems;
}
