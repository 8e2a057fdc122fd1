import type { IncomingEvent } from '../../src/use-cases/incoming-event';
import { claimStoreOn, kinds } from '../support/claim-store';
import { useWorkerDatabase } from '../support/database';
import { claimed, released } from '../support/events';
import type { Place } from '../support/events';

const db = useWorkerDatabase();
const { newStore, storeEvents, park } = claimStoreOn(db);

describe('storing releases', () => {
  const transitions = async (place: Place): Promise<string[]> => {
    const rows = await db.database.query<{ told: string }>(
      `SELECT CONCAT(t.from_status, '>', t.to_status, ' ', t.reason) AS told FROM user_coupon_transitions t
       JOIN user_coupons c ON c.id = t.user_coupon_id WHERE c.activity_id = ? ORDER BY t.id`,
      [place.activityId],
    );
    return rows.map(({ told }) => told);
  };
  const release = async (place: Place, slots = [1]) => {
    const claim = claimed(place, 1, { userId: '7', slots });
    await storeEvents([claim]);
    return { claim, event: released(claim, 2) };
  };

  it('voids the coupons, frees their slots and gives the units back, once', async () => {
    const place = await db.anActivity();
    const { event } = await release(place, [1, 2]);
    expect(kinds(await storeEvents([event]))).toEqual(['stored']);
    expect(kinds(await storeEvents([event]))).toEqual(['again']);
    expect(await db.totals(place.activityId)).toEqual({ success_count: 0, coupons: 2, live: 0, events: 2 });
    const rows = await db.database.query('SELECT status, slot FROM user_coupons WHERE activity_id = ?', [
      place.activityId,
    ]);
    expect(rows).toEqual([
      { status: 5, slot: null },
      { status: 5, slot: null },
    ]);
    expect(await transitions(place)).toEqual(['1>5 claim_released', '1>5 claim_released']);
  });

  it('stores claim, release and the next claim of the slot when they come in one batch', async () => {
    const place = await db.anActivity({ total: 1 });
    const first = claimed(place, 1, { userId: '7' });
    const outcomes = await storeEvents([claimed(place, 3, { userId: '7' }), released(first, 2), first]);
    expect(kinds(outcomes)).toEqual(['stored', 'stored', 'stored']);
    expect(await db.totals(place.activityId)).toEqual({ success_count: 1, coupons: 2, live: 1, events: 3 });
  });

  it('defers a claim whose slot or unit is freed by an event still on its way', async () => {
    const place = await db.anActivity({ total: 1 });
    const first = claimed(place, 1, { userId: '7' });
    await storeEvents([first]);
    const sameUser = claimed(place, 3, { userId: '7' });
    expect(await storeEvents([sameUser])).toMatchObject([{ kind: 'deferred', code: 'SLOT_TAKEN' }]);
    const otherUser = claimed(place, 3, { userId: '8' });
    expect(await storeEvents([otherUser])).toMatchObject([{ kind: 'deferred', code: 'OVER_TOTAL' }]);
    await storeEvents([released(first, 2)]);
    expect(kinds(await storeEvents([sameUser]))).toEqual(['stored']);
  });

  it('defers a release that has overtaken its claim', async () => {
    const place = await db.anActivity();
    const claim = claimed(place, 1);
    const event = released(claim, 2);
    expect(await storeEvents([event])).toMatchObject([{ kind: 'deferred', code: 'CLAIM_MISSING' }]);
    expect(kinds(await storeEvents([claim]))).toEqual(['stored']);
    expect(kinds(await storeEvents([event]))).toEqual(['stored']);
    expect(await db.totals(place.activityId)).toEqual({ success_count: 0, coupons: 1, live: 0, events: 2 });
  });

  it('invariant 7: keeps the release of a parked claim as a tombstone; the claim comes void and counts nothing', async () => {
    const place = await db.anActivity({ total: 2 });
    const claim = claimed(place, 1, { userId: '7', slots: [1, 2] });
    await park(place, 1);
    expect(kinds(await storeEvents([released(claim, 2)]))).toEqual(['stored']);
    expect(await db.totals(place.activityId)).toEqual({ success_count: 0, coupons: 0, live: 0, events: 1 });
    // Meanwhile the units are sold again: the late claim must not need room.
    const next = claimed(place, 3, { userId: '8', slots: [1, 2] });
    expect(kinds(await storeEvents([next, claim]))).toEqual(['stored', 'stored']);
    expect(await db.totals(place.activityId)).toEqual({ success_count: 2, coupons: 4, live: 2, events: 3 });
  });

  it('refuses the release of a coupon that is locked, used, or of another activity', async () => {
    const place = await db.anActivity();
    const other = await db.anActivity();
    const { claim, event } = await release(place);
    await db.database.query('UPDATE user_coupons SET status = 2 WHERE claim_id = ?', [claim.body.claim_id]);
    expect(await storeEvents([event])).toMatchObject([{ kind: 'rejected', code: 'COUPON_IN_USE', attempts: 3 }]);
    const foreign = released({ ...claim, body: { ...claim.body, activity_id: other.activityId } }, 1);
    expect(await storeEvents([foreign])).toMatchObject([{ kind: 'rejected', code: 'CLAIM_OF_OTHER_ACTIVITY' }]);
    expect(await db.totals(place.activityId)).toMatchObject({ success_count: 1, live: 1, events: 1 });
  });

  it('counts a release once although coupon-admin has voided the coupons before', async () => {
    const place = await db.anActivity();
    const { claim, event } = await release(place);
    await db.database.query('UPDATE user_coupons SET status = 5, slot = NULL WHERE claim_id = ?', [
      claim.body.claim_id,
    ]);
    expect(kinds(await storeEvents([event]))).toEqual(['stored']);
    expect(await db.totals(place.activityId)).toMatchObject({ success_count: 0, live: 0 });
    // Written down by coupon-admin, in the transaction that did it.
    expect(await transitions(place)).toEqual([]);
  });

  it('ends right when claims and their releases are stored at the same moment, in any order', async () => {
    const place = await db.anActivity();
    const store = newStore();
    const pairs = Array.from({ length: 60 }, (_, n) => {
      const claim = claimed(place, 2 * n + 1, { userId: String(500 + n) });
      return { claim, event: released(claim, 2 * n + 2) };
    });
    const untilStored = async (event: IncomingEvent): Promise<void> => {
      for (let attempt = 0; attempt < 200; attempt += 1) {
        const [outcome] = await storeEvents([event], store);
        if (outcome?.kind === 'stored') return;
        expect(outcome?.kind).toBe('deferred');
      }
      throw new Error('deferred for ever');
    };
    const jobs = pairs.flatMap(({ claim, event }) => [event, claim]);
    await Promise.all(
      [0, 1, 2, 3].map(async (lane) => {
        for (let at = lane; at < jobs.length; at += 4) {
          const job = jobs[at];
          if (job !== undefined) await untilStored(job);
        }
      }),
    );
    expect(await db.totals(place.activityId)).toEqual({ success_count: 0, coupons: 60, live: 0, events: 120 });
  });
});
