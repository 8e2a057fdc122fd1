import fc from 'fast-check';
import { couponValidity } from '@coupon/domain';
import { MysqlClaimStore } from '../../src/adapters/mysql-claim-store';
import type { ClaimStore } from '../../src/use-cases/claim-store';
import { AbandonedError } from '../../src/use-cases/with-patience';
import { claimStoreOn, kinds } from '../support/claim-store';
import { useWorkerDatabase } from '../support/database';
import { CLAIMED_MS, claimed, claims, released } from '../support/events';
import type { Place } from '../support/events';

const db = useWorkerDatabase();
const { newStore, storeEvents, park } = claimStoreOn(db);

describe('storing claims', () => {
  it('stores coupons, events and the counter together', async () => {
    const place = await db.anActivity();
    const claim = claimed(place, 1, { userId: '9223372036854775807', slots: [1, 2], idempotencyKey: 'Key-1' });
    expect(await storeEvents([claim])).toEqual([{ kind: 'stored', again: false }]);
    expect(await db.totals(place.activityId)).toEqual({ success_count: 2, coupons: 2, live: 2, events: 1 });
    const coupons = await db.database.query(
      `SELECT coupon_id, user_id, coupon_sn, status, claim_id, slot, source, obtain_time FROM user_coupons
       WHERE activity_id = ? ORDER BY slot`,
      [place.activityId],
    );
    expect(coupons).toMatchObject([
      {
        coupon_id: place.templateId,
        user_id: '9223372036854775807',
        coupon_sn: claim.body.units[0]?.sn,
        status: 1,
        claim_id: claim.body.claim_id,
        slot: 1,
        source: 'flash_sale',
        obtain_time: new Date(claim.body.claimed_at),
      },
      { coupon_sn: claim.body.units[1]?.sn, slot: 2 },
    ]);
    const events = await db.database.query('SELECT * FROM claim_events WHERE activity_id = ?', [place.activityId]);
    expect(events).toMatchObject([
      { event_seq: '1', quantity: 2, kind: 1, epoch: 1, idempotency_key: 'Key-1', claim_id: claim.body.claim_id },
    ]);
  });

  it('gives a coupon the validity that the domain rule gives it', async () => {
    const dayMs = 86_400_000;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -400, max: 400 }),
        fc.integer({ min: 1, max: 500 }),
        fc.option(fc.integer({ min: 1, max: 700 })),
        fc.integer({ min: 0, max: dayMs }),
        async (startDay, days, validDays, offsetMs) => {
          const validStartMs = CLAIMED_MS + startDay * dayMs;
          const validEndMs = validStartMs + days * dayMs;
          const sql = (ms: number): string => new Date(ms).toISOString().slice(0, 23).replace('T', ' ');
          const place = await db.anActivity({
            template: { validStart: sql(validStartMs), validEnd: sql(validEndMs), validDays },
          });
          await storeEvents([claimed(place, 1, { atMs: CLAIMED_MS + offsetMs })]);
          const [row] = await db.database.query<{ valid_start_time: Date; valid_end_time: Date }>(
            'SELECT valid_start_time, valid_end_time FROM user_coupons WHERE activity_id = ?',
            [place.activityId],
          );
          const template = { validStartMs, validEndMs, validDaysAfterClaim: validDays };
          expect({ startMs: row?.valid_start_time.getTime(), endMs: row?.valid_end_time.getTime() }).toEqual(
            couponValidity(template, CLAIMED_MS + offsetMs),
          );
        },
      ),
      { seed: 11, numRuns: 60 },
    );
  });

  it('invariant 6: the same events again change nothing, alone and mixed with new ones', async () => {
    const place = await db.anActivity();
    const events = claims(place, 50);
    await storeEvents(events.slice(0, 30));
    expect(kinds(await storeEvents(events.slice(0, 30)))).toEqual(Array(30).fill('again'));
    const mixed = kinds(await storeEvents(events.slice(20)));
    expect(mixed).toEqual([...Array<string>(10).fill('again'), ...Array<string>(20).fill('stored')]);
    expect(await db.totals(place.activityId)).toEqual({ success_count: 50, coupons: 50, live: 50, events: 50 });
  });

  it('invariant 6: a duplicates storm in many consumers at once stores every event once', async () => {
    const place = await db.anActivity();
    const events = claims(place, 400);
    const store = newStore();
    await Promise.all(
      Array.from({ length: 6 }, async (_, lane) => {
        for (let at = 0; at < events.length; at += 80) {
          // Neighbouring lanes hold overlapping batches, so they collide while both are under way.
          const from = (at + lane * 40) % events.length;
          await storeEvents(
            [...events.slice(from, from + 80), ...events.slice(0, Math.max(0, from + 80 - 400))],
            store,
          );
        }
      }),
    );
    expect(await db.totals(place.activityId)).toEqual({ success_count: 400, coupons: 400, live: 400, events: 400 });
  });

  it('invariant 6: a slot held by another serial number is an incident when nothing explains it', async () => {
    const place = await db.anActivity();
    const first = claimed(place, 1, { userId: '77' });
    const second = claimed(place, 2, { userId: '77' });
    const [, outcome] = await storeEvents([first, second]);
    expect(outcome).toMatchObject({ kind: 'rejected', code: 'SLOT_TAKEN' });
    expect(await db.totals(place.activityId)).toMatchObject({ success_count: 1, coupons: 1, events: 1 });
  });

  it('invariant 6: a number held by another claim and a serial number under another number are incidents', async () => {
    const place = await db.anActivity();
    const first = claimed(place, 1);
    await storeEvents([first]);
    const otherClaim = claimed(place, 1);
    const otherNumber = claimed(place, 2, { claimId: first.body.claim_id, userId: '5' });
    const outcomes = await storeEvents([otherClaim, otherNumber, claimed(place, 3)]);
    expect(outcomes).toMatchObject([
      { kind: 'rejected', code: 'SEQ_TAKEN' },
      { kind: 'rejected', code: 'SN_TAKEN' },
      { kind: 'stored', again: false },
    ]);
  });

  it('invariant 6: takes an event for a duplicate, not for an incident, when another consumer commits it while we look', async () => {
    const place = await db.anActivity();
    const [event] = claims(place, 1);
    if (event === undefined) throw new Error('no event');
    for (const commitBeforeReading of [1, 2, 3]) {
      await db.database.query('DELETE FROM user_coupons WHERE activity_id = ?', [place.activityId]);
      await db.database.query('DELETE FROM claim_events WHERE activity_id = ?', [place.activityId]);
      let readings = 0;
      const interrupted = new Proxy(db.prisma, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name);
          if (name !== '$queryRawUnsafe') return value;
          return async (...args: Parameters<typeof db.prisma.$queryRawUnsafe>) => {
            readings += 1;
            if (readings === commitBeforeReading) await newStore().storeClaims([event]);
            return target.$queryRawUnsafe(...args);
          };
        },
      });
      expect(await new MysqlClaimStore(interrupted).inspect([event])).toEqual([{ kind: 'stored' }]);
    }
  });

  it('bisects a bad event out of a batch and stores the other 499', async () => {
    const place = await db.anActivity();
    const events = claims(place, 500);
    const bad = claimed({ ...place, templateId: '999999' }, 250);
    const outcomes = await storeEvents(events.map((event) => (event.body.event_seq === 250 ? bad : event)));
    expect(outcomes[249]).toMatchObject({ kind: 'rejected', code: 'UNKNOWN_ACTIVITY_OR_TEMPLATE', attempts: 3 });
    expect(outcomes.filter(({ kind }) => kind === 'stored')).toHaveLength(499);
    expect(await db.totals(place.activityId)).toMatchObject({ success_count: 499, coupons: 499, events: 499 });
  });

  it('refuses an unknown activity and a time that the column cannot hold, and stores their neighbours', async () => {
    const place = await db.anActivity();
    const outcomes = await storeEvents([
      claimed(place, 1),
      claimed({ activityId: '424242', templateId: place.templateId }, 1),
      claimed(place, 2, { atMs: Date.UTC(2120, 0, 1) }),
    ]);
    expect(outcomes).toMatchObject([
      { kind: 'stored' },
      { kind: 'rejected', code: 'UNKNOWN_ACTIVITY_OR_TEMPLATE' },
      { kind: 'rejected', code: 'REFUSED_BY_DATABASE' },
    ]);
  });

  it('stores what fits into the total, parks the rest of that activity and leaves the others alone', async () => {
    const small = await db.anActivity({ total: 5 });
    const large = await db.anActivity();
    const outcomes = await storeEvents([...claims(small, 8), ...claims(large, 8)]);
    expect(kinds(outcomes)).toEqual([
      ...Array<string>(5).fill('stored'),
      'rejected',
      // They wait for the fate of the one before them; once that lies in the dead-letter queue they follow it.
      'deferred',
      'deferred',
      ...Array<string>(8).fill('stored'),
    ]);
    expect(outcomes[5]).toMatchObject({ code: 'OVER_TOTAL' });
    await park(small, 6);
    const [again] = await storeEvents([claimed(small, 7)]);
    expect(again).toMatchObject({ kind: 'rejected', code: 'OVER_TOTAL' });
    expect(await db.totals(small.activityId)).toEqual({ success_count: 5, coupons: 5, live: 5, events: 5 });
    expect(await db.totals(large.activityId)).toMatchObject({ success_count: 8 });
  });

  it('keeps the events of an old epoch: their winners are real', async () => {
    const place = await db.anActivity();
    const outcomes = await storeEvents([claimed(place, 1, { epoch: 3 }), claimed(place, 2, { epoch: 1 })]);
    expect(kinds(outcomes)).toEqual(['stored', 'stored']);
  });

  it('invariant 6: keeps the events of an epoch that MySQL has left behind', async () => {
    const place = await db.anActivity();
    await db.database.query('UPDATE flash_sale_activities SET epoch = 4 WHERE id = ?', [place.activityId]);
    const claim = claimed(place, 1, { epoch: 3 });
    expect(kinds(await storeEvents([claim, claimed(place, 2, { epoch: 4 })]))).toEqual(['stored', 'stored']);
    expect(await db.totals(place.activityId)).toEqual({ success_count: 2, coupons: 2, live: 2, events: 2 });
    expect(kinds(await storeEvents([released(claim, 3)]))).toEqual(['stored']);
    expect(await db.totals(place.activityId)).toEqual({ success_count: 1, coupons: 2, live: 1, events: 3 });
  });

  it('invariant 6: a fault of the server is thrown, never called bad data: it spends no attempt and parks nobody', async () => {
    const place = await db.anActivity();
    const claim = claimed(place, 1);
    await storeEvents([claim]);
    // A table that is not there stands for every server that is reached and not fit for work: it says nothing about the events.
    await db.database.query('RENAME TABLE claim_events TO moved_away');
    await expect(newStore().storeClaims([claimed(place, 2)])).rejects.toThrow();
    await expect(newStore().storeReleases([released(claim, 3)], { tombstones: true })).rejects.toThrow();
    await db.database.query('RENAME TABLE moved_away TO claim_events');
    expect(await db.totals(place.activityId)).toEqual({ success_count: 1, coupons: 1, live: 1, events: 1 });
  });

  it('survives lanes that move the counters of several activities in every order', async () => {
    const places: Place[] = [];
    for (let n = 0; n < 4; n += 1) places.push(await db.anActivity());
    const store = newStore();
    await Promise.all(
      Array.from({ length: 6 }, async (_, lane) => {
        for (let round = 0; round < 5; round += 1) {
          const order = lane % 2 === 0 ? places : [...places].reverse();
          const from = 1 + (lane * 5 + round) * 10;
          const outcomes = await storeEvents(
            order.flatMap((place) => claims(place, 10, from)),
            store,
          );
          expect(outcomes.filter(({ kind }) => kind !== 'stored')).toEqual([]);
        }
      }),
    );
    for (const { activityId } of places) expect(await db.totals(activityId)).toMatchObject({ success_count: 300 });
  });

  it('repeats after a fault of the server and gives up only when told to', async () => {
    const place = await db.anActivity();
    let failures = 3;
    const inner = newStore();
    const flaky: ClaimStore = {
      storeClaims: async (events) => {
        const result = await inner.storeClaims(events);
        // Committed, and the answer is lost: the repetition meets its own rows.
        if (failures-- > 0) throw new Error('connection lost');
        return result;
      },
      storeReleases: (events, options) => inner.storeReleases(events, options),
      inspect: (events) => inner.inspect(events),
      predecessors: (activityId, seq) => inner.predecessors(activityId, seq),
    };
    expect(kinds(await storeEvents(claims(place, 3), flaky))).toEqual(['again', 'again', 'again']);
    expect(await db.totals(place.activityId)).toMatchObject({ success_count: 3, coupons: 3 });
    const giveUp = new AbortController();
    failures = 1_000;
    const waiting = storeEvents(claims(place, 1, 10), flaky, giveUp.signal);
    setTimeout(() => giveUp.abort(), 50);
    await expect(waiting).rejects.toThrow(AbandonedError);
  });
});
