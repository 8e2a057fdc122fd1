import type { Click } from '../scenario/buyers';
import { Ledger } from './ledger';
import type { Answer } from './ledger';

const click = (userId: string, key: string | undefined = `k-${userId}`): Click => ({ userId, quantity: 1, key });
const won = (couponSns: string[], replayed = false): Answer => ({
  kind: 'accepted',
  claimId: 'c',
  couponSns,
  replayed,
});

describe('Ledger', () => {
  it('accounts for every request as first receipt, replay or refusal', () => {
    const ledger = new Ledger();
    ledger.record(click('1'), won(['a']), 1);
    ledger.record(click('1'), won(['a'], true), 1);
    ledger.record(click('2'), { kind: 'refused', code: 'SOLD_OUT', retryAfterMs: undefined }, 1);
    expect(ledger).toMatchObject({ requests: 3, firstReceipts: 1, replayed: 1, refused: { SOLD_OUT: 1 } });
    expect([...ledger.heard]).toEqual([['a', '1']]);
    expect(ledger.contradictions).toEqual([]);
  });

  it('notes a coupon promised to two buyers', () => {
    const ledger = new Ledger();
    ledger.record(click('1'), won(['a'], true), 1);
    ledger.record(click('2'), won(['a'], true), 1);
    expect(ledger.contradictions).toEqual([{ couponSn: 'a', detail: 'promised to 1 and to 2' }]);
    expect(ledger.heard.get('a')).toBe('1');
  });

  it('notes a coupon that was given for the first time twice', () => {
    const ledger = new Ledger();
    ledger.record(click('1', 'x'), won(['a']), 1);
    ledger.record(click('1', 'y'), won(['a']), 1);
    expect(ledger.contradictions).toEqual([{ couponSn: 'a', detail: 'given for the first time twice' }]);
  });

  it('notes two receipts for one key', () => {
    const ledger = new Ledger();
    ledger.record(click('1', 'x'), won(['a']), 1);
    ledger.record(click('1', 'x'), won(['b']), 1);
    expect(ledger.contradictions).toEqual([{ couponSn: 'b', detail: 'buyer 1 got another receipt for the same key' }]);
  });

  it('allows different coupons for different keys and for none', () => {
    const ledger = new Ledger();
    ledger.record(click('1', 'x'), won(['a']), 1);
    ledger.record(click('1', 'y'), won(['b']), 1);
    ledger.record({ userId: '2', quantity: 1, key: undefined }, won(['c']), 1);
    ledger.record({ userId: '3', quantity: 1, key: undefined }, won(['d']), 1);
    expect(ledger.contradictions).toEqual([]);
  });
});
