import { classifyMysqlError } from '@coupon/persistence';
import type { PrismaClient } from '@coupon/persistence';
import type { ClaimStore, Finding, Predecessors, StoreResult } from '../use-cases/claim-store';
import type { ClaimedEvent, IncomingEvent, ReleasedEvent } from '../use-cases/incoming-event';
import {
  ADD_TO_COUNTER,
  COUPONS_BY_SLOT,
  COUPONS_BY_SN,
  COUPONS_OF_CLAIMS,
  INSERT_COUPONS,
  INSERT_EVENTS,
  LOCK_ACTIVITIES,
  PARKED_BEFORE,
  RECORD_VOID,
  RELEASED_COUPONS,
  STORED_BEFORE,
  STORED_EVENTS,
  TAKE_FROM_COUNTER,
  VOID_COUPONS,
} from './claim-store-sql';

type Transaction = Pick<PrismaClient, '$executeRawUnsafe' | '$queryRawUnsafe'>;

const KIND = { claimed: 1, released: 2 } as const;
const VOID = 5;
const REVOCABLE: readonly number[] = [1, 4, VOID];

/** Rolls the transaction back with a result that is no fault of the server. */
class Refused extends Error {
  constructor(readonly result: StoreResult) {
    super(result.kind);
  }
}

export interface MysqlClaimStoreOptions {
  /** A transaction that takes longer is rolled back and repeated. @default 30000 */
  readonly transactionTimeoutMs?: number;
  /** How long to wait for a connection of the pool. @default 10000 */
  readonly acquireTimeoutMs?: number;
}

/**
 * Exactly-once effect by unique keys and conditional counters (invariant 6). Lock order: template rows (shared, by the foreign key), then
 * new coupon and event rows in event order, then activity rows in id order, last.
 */
export class MysqlClaimStore implements ClaimStore {
  constructor(
    private readonly prisma: PrismaClient,
    private readonly options: MysqlClaimStoreOptions = {},
  ) {}

  async storeClaims(claims: readonly ClaimedEvent[]): Promise<StoreResult> {
    const coupons = claims.flatMap(({ body }) =>
      body.units.map(({ sn, slot }) => [
        body.activity_id,
        body.template_id,
        body.user_id,
        body.claim_id,
        sn,
        slot,
        sqlTime(body.claimed_at),
      ]),
    );
    return this.inTransaction(async (tx) => {
      const inserted = await tx.$executeRawUnsafe(INSERT_COUPONS, JSON.stringify(coupons));
      if (inserted !== coupons.length) {
        throw new Refused({
          kind: 'bad_data',
          code: 'UNKNOWN_ACTIVITY_OR_TEMPLATE',
          reason: 'there is no such activity, or its template is another one',
        });
      }
      await tx.$executeRawUnsafe(INSERT_EVENTS, JSON.stringify(claims.map(eventRow)));
      await count(tx, claims);
    });
  }

  async storeReleases(releases: readonly ReleasedEvent[], options: { tombstones: boolean }): Promise<StoreResult> {
    const activityIds = distinctIds(releases);
    return this.inTransaction(async (tx) => {
      // The activity row first: see `count` for what this orders.
      const locked = await tx.$queryRawUnsafe<unknown[]>(LOCK_ACTIVITIES(activityIds.length), ...activityIds);
      if (locked.length !== activityIds.length) {
        throw new Refused({
          kind: 'bad_data',
          code: 'UNKNOWN_ACTIVITY_OR_TEMPLATE',
          reason: 'there is no such activity',
        });
      }
      await tx.$executeRawUnsafe(INSERT_EVENTS, JSON.stringify(releases.map(eventRow)));
      const coupons = await tx.$queryRawUnsafe<CouponRow[]>(
        COUPONS_OF_CLAIMS,
        JSON.stringify(releases.map(({ body }) => body.claim_id)),
      );
      checkRevocable(releases, coupons);
      if (!options.tombstones) checkClaimed(releases, coupons);
      await voidCoupons(
        tx,
        coupons.filter(({ status }) => Number(status) !== VOID).map(({ id }) => id),
      );
      // By what the claims had added when they were stored; a release that came first finds nothing and takes nothing.
      for (const [activityId, units] of countBy(coupons, ({ activity_id }) => String(activity_id))) {
        await tx.$executeRawUnsafe(TAKE_FROM_COUNTER, units, BigInt(activityId));
      }
    });
  }

  async inspect(events: readonly IncomingEvent[]): Promise<Finding[]> {
    const claims = events.filter((event): event is ClaimedEvent => event.kind === 'claimed');
    // Coupons before events, because each reading sees more than the one before it: a consumer that commits the same event in between then
    // shows as `stored`. The other way round its coupons would look like somebody else's.
    const bySlot = new Map<string, SlotRow>();
    for (const row of await this.read<SlotRow>(
      COUPONS_BY_SLOT,
      claims.flatMap(({ body }) => body.units.map(({ slot }) => [body.activity_id, body.user_id, slot])),
    )) {
      bySlot.set(`${row.activity_id}-${row.user_id}-${row.slot}`, row);
    }
    const bySn = new Map<string, SnRow>();
    for (const row of await this.read<SnRow>(
      COUPONS_BY_SN,
      claims.flatMap(({ body }) => body.units.map(({ sn }) => sn)),
    )) {
      bySn.set(row.coupon_sn, row);
    }
    const bySeq = new Map<string, EventRow>();
    for (const row of await this.read<EventRow>(
      STORED_EVENTS,
      events.map(({ body }) => [body.activity_id, body.event_seq]),
    )) {
      bySeq.set(`${row.activity_id}-${row.event_seq}`, row);
    }
    return events.map((event) => findingOf(event, bySeq, bySn, bySlot));
  }

  async predecessors(activityId: string, seq: number): Promise<Predecessors> {
    // Stored first: an event that is replayed and stored between the two readings then counts as missing, not as both.
    const [stored] = await this.prisma.$queryRawUnsafe<{ found: unknown }[]>(STORED_BEFORE, BigInt(activityId), seq);
    const [parked] = await this.prisma.$queryRawUnsafe<{ found: unknown }[]>(PARKED_BEFORE, BigInt(activityId), seq);
    const missing = seq - 1 - Number(stored?.found ?? 0);
    if (missing <= 0) return 'complete';
    return missing <= Number(parked?.found ?? 0) ? 'parked' : 'in_flight';
  }

  private async inTransaction(work: (tx: Transaction) => Promise<void>): Promise<StoreResult> {
    const { transactionTimeoutMs = 30_000, acquireTimeoutMs = 10_000 } = this.options;
    try {
      await this.prisma.$transaction(work, { timeout: transactionTimeoutMs, maxWait: acquireTimeoutMs });
      return { kind: 'stored' };
    } catch (error) {
      if (error instanceof Refused) return error.result;
      const verdict = classifyMysqlError(error);
      if (verdict.kind === 'duplicate') return { kind: 'duplicate' };
      if (verdict.kind === 'data') {
        return {
          kind: 'bad_data',
          code: 'REFUSED_BY_DATABASE',
          reason: `MySQL refuses the row: error ${verdict.code}`,
        };
      }
      throw error;
    }
  }

  private async read<Row>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    return values.length === 0 ? [] : this.prisma.$queryRawUnsafe<Row[]>(sql, JSON.stringify(values));
  }
}

interface CouponRow {
  readonly id: bigint;
  readonly activity_id: bigint;
  readonly claim_id: string;
  readonly status: number;
}
interface EventRow {
  readonly activity_id: bigint;
  readonly event_seq: bigint;
  readonly claim_id: string;
  readonly kind: number;
}
interface SnRow {
  readonly coupon_sn: string;
  readonly claim_id: string | null;
  readonly activity_id: bigint | null;
  readonly user_id: bigint;
}
interface SlotRow {
  readonly activity_id: bigint;
  readonly user_id: bigint;
  readonly slot: number;
  readonly coupon_sn: string;
}

function findingOf(
  event: IncomingEvent,
  bySeq: ReadonlyMap<string, EventRow>,
  bySn: ReadonlyMap<string, SnRow>,
  bySlot: ReadonlyMap<string, SlotRow>,
): Finding {
  const { body } = event;
  const stored = bySeq.get(`${body.activity_id}-${body.event_seq}`);
  if (stored !== undefined) {
    const same = stored.claim_id === body.claim_id && Number(stored.kind) === KIND[event.kind];
    return same ? { kind: 'stored' } : { kind: 'seq_taken', by: stored.claim_id };
  }
  if (event.kind === 'released') return { kind: 'nothing' };
  for (const { sn } of body.units) {
    const holder = bySn.get(sn);
    if (holder !== undefined) return { kind: 'sn_taken', by: holder.claim_id ?? 'a coupon from outside a sale' };
  }
  for (const { slot } of body.units) {
    const holder = bySlot.get(`${body.activity_id}-${body.user_id}-${slot}`);
    if (holder !== undefined) return { kind: 'slot_taken', by: holder.coupon_sn };
  }
  return { kind: 'nothing' };
}

/**
 * Counters last, in activity order: every transaction that moves counters takes these row locks in the same order, after all others.
 *
 * Then the releases that overtook their claims. Why no release can slip through between the two transactions: both hold the activity's row
 * lock from before they look for the other one until their commit. If the release had the lock first, it is committed when we get the
 * lock, and READ COMMITTED shows it to the query below. If we have it first, our coupons are committed when the release gets the lock, and
 * it finds and voids them itself.
 */
async function count(tx: Transaction, claims: readonly ClaimedEvent[]): Promise<void> {
  const units = [...unitsByActivity(claims)].sort(([a], [b]) => compareIds(a, b));
  const overtaken = new Map<string, number>();
  for (const [activityId, add] of units) {
    if ((await tx.$executeRawUnsafe(ADD_TO_COUNTER, add, BigInt(activityId), add)) === 1) continue;
    // Refused, or room enough without the units that are released already: the exact number under the lock decides.
    await tx.$queryRawUnsafe(LOCK_ACTIVITIES(1), BigInt(activityId));
    const gone = (await releasedCoupons(tx, claims)).filter((row) => String(row.activity_id) === activityId).length;
    const rest = add - gone;
    if (gone === 0 || (await tx.$executeRawUnsafe(ADD_TO_COUNTER, rest, BigInt(activityId), rest)) !== 1) {
      throw new Refused({ kind: 'over_total', activityId });
    }
    overtaken.set(activityId, gone);
  }
  const released = await releasedCoupons(tx, claims);
  if (released.length === 0) return;
  await voidCoupons(
    tx,
    released.map(({ id }) => id),
  );
  for (const [activityId, gone] of countBy(released, ({ activity_id }) => String(activity_id))) {
    const surplus = gone - (overtaken.get(activityId) ?? 0);
    if (surplus > 0) await tx.$executeRawUnsafe(TAKE_FROM_COUNTER, surplus, BigInt(activityId));
  }
}

function checkClaimed(releases: readonly ReleasedEvent[], coupons: readonly CouponRow[]): void {
  const present = new Set(coupons.map(({ claim_id }) => claim_id));
  const claimIds = new Set(releases.map(({ body }) => body.claim_id).filter((id) => !present.has(id)));
  if (claimIds.size > 0) throw new Refused({ kind: 'claim_missing', claimIds });
}

function checkRevocable(releases: readonly ReleasedEvent[], coupons: readonly CouponRow[]): void {
  const activityOf = new Map(releases.map(({ body }) => [body.claim_id, body.activity_id]));
  for (const { activity_id, claim_id, status } of coupons) {
    if (activityOf.get(claim_id) !== String(activity_id)) {
      throw new Refused({
        kind: 'bad_data',
        code: 'CLAIM_OF_OTHER_ACTIVITY',
        reason: `claim of activity ${activity_id}`,
      });
    }
    if (!REVOCABLE.includes(Number(status))) {
      throw new Refused({
        kind: 'bad_data',
        code: 'COUPON_IN_USE',
        reason: `a coupon of the claim has status ${status}`,
      });
    }
  }
}

async function voidCoupons(tx: Transaction, ids: readonly bigint[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.$executeRawUnsafe(RECORD_VOID(ids.length), ...ids);
  const voided = await tx.$executeRawUnsafe(VOID_COUPONS(ids.length), ...ids);
  // Locked by an order since we read it: the next try reads it again and says so.
  if (voided !== ids.length) throw new Error('a coupon changed while its release was being stored');
}

async function releasedCoupons(tx: Transaction, claims: readonly ClaimedEvent[]): Promise<CouponRow[]> {
  return tx.$queryRawUnsafe<CouponRow[]>(RELEASED_COUPONS, JSON.stringify(claims.map(({ body }) => body.claim_id)));
}

function eventRow({ kind, body }: IncomingEvent): unknown[] {
  return [
    body.activity_id,
    body.event_seq,
    body.claim_id,
    body.user_id,
    body.units.length,
    KIND[kind],
    body.epoch,
    'idempotency_key' in body ? (body.idempotency_key ?? null) : null,
    sqlTime('claimed_at' in body ? body.claimed_at : body.released_at),
  ];
}

/** `2026-11-21T07:40:31.123Z` -> `2026-11-21 07:40:31.123`; sessions are UTC. */
function sqlTime(rfc3339: string): string {
  return `${rfc3339.slice(0, 10)} ${rfc3339.slice(11, 23)}`;
}

function unitsByActivity(claims: readonly ClaimedEvent[]): Map<string, number> {
  const units = new Map<string, number>();
  for (const { body } of claims) units.set(body.activity_id, (units.get(body.activity_id) ?? 0) + body.units.length);
  return units;
}

function distinctIds(events: readonly IncomingEvent[]): bigint[] {
  return [...new Set(events.map(({ body }) => body.activity_id))].sort(compareIds).map(BigInt);
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): [string, number][] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => compareIds(a, b));
}

/** Decimal ids by value. */
function compareIds(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
