import { verifySale } from './verify-sale';
import type { SaleStory, SaleTerms, SaleTruth } from './verify-sale';
import type { ViolationKind } from './violation';

const TERMS: SaleTerms = { stock: 50, perUserLimit: 2, demand: 200 };

interface Sale {
  terms: SaleTerms;
  heard: Map<string, string>;
  contradictions: { couponSn: string; detail: string }[];
  unanswered: string[];
  rows: { couponSn: string; userId: string }[];
  successCount: number;
  totalCount: number;
  eventUnits: number;
}

/** A sale in which everything is right: 50 coupons, each to another buyer. */
function aFlawlessSale(): Sale {
  const rows = Array.from({ length: TERMS.stock }, (_, index) => ({
    couponSn: `sn-${index}`,
    userId: `user-${index}`,
  }));
  return {
    terms: TERMS,
    heard: new Map(rows.map(({ couponSn, userId }) => [couponSn, userId])),
    contradictions: [],
    unanswered: [],
    rows,
    successCount: TERMS.stock,
    totalCount: TERMS.stock,
    eventUnits: TERMS.stock,
  };
}

function found(sale: Sale): { kind: ViolationKind; count: number }[] {
  const story: SaleStory = sale;
  const truth: SaleTruth = sale;
  return verifySale(sale.terms, story, truth).map(({ kind, count }) => ({ kind, count }));
}

function stored(sale: Sale, count: number): void {
  sale.successCount = count;
  sale.eventUnits = count;
}

describe('verifySale', () => {
  it('finds nothing in a sale in which everything is right', () => {
    expect(found(aFlawlessSale())).toEqual([]);
  });

  it.each<[string, (sale: Sale) => void, { kind: ViolationKind; count: number }[]]>([
    [
      'two coupons more than the stock',
      (sale) => {
        for (const n of [100, 101]) {
          sale.rows.push({ couponSn: `sn-${n}`, userId: `user-${n}` });
          sale.heard.set(`sn-${n}`, `user-${n}`);
        }
        stored(sale, 52);
      },
      [{ kind: 'oversold', count: 2 }],
    ],
    [
      'three coupons that nobody got although people asked',
      (sale) => {
        for (const { couponSn } of sale.rows.splice(0, 3)) sale.heard.delete(couponSn);
        stored(sale, 47);
      },
      [{ kind: 'undersold', count: 3 }],
    ],
    [
      'a coupon that was promised and never stored',
      (sale) => {
        sale.rows.splice(7, 1);
        stored(sale, 49);
      },
      [{ kind: 'lost', count: 1 }],
    ],
    [
      'a stored coupon that was promised to nobody',
      (sale) => {
        sale.heard.delete('sn-7');
      },
      [{ kind: 'unheard', count: 1 }],
    ],
    [
      'a coupon stored for another buyer',
      (sale) => {
        sale.rows[7] = { couponSn: 'sn-7', userId: 'user-somebody-else' };
      },
      [{ kind: 'wrong_user', count: 1 }],
    ],
    [
      "two buyers with each other's coupon",
      (sale) => {
        sale.rows[7] = { couponSn: 'sn-7', userId: 'user-8' };
        sale.rows[8] = { couponSn: 'sn-8', userId: 'user-7' };
      },
      [{ kind: 'wrong_user', count: 2 }],
    ],
    [
      'one coupon in two rows',
      (sale) => {
        sale.rows.push({ couponSn: 'sn-7', userId: 'user-7' });
        stored(sale, 51);
      },
      [{ kind: 'duplicate', count: 1 }],
    ],
    [
      'a buyer with three coupons where two are allowed',
      (sale) => {
        for (const n of [8, 9]) {
          sale.rows[n] = { couponSn: `sn-${n}`, userId: 'user-7' };
          sale.heard.set(`sn-${n}`, 'user-7');
        }
      },
      [{ kind: 'over_limit', count: 1 }],
    ],
    [
      'a counter that disagrees with the rows',
      (sale) => {
        sale.successCount = 49;
      },
      [{ kind: 'count_mismatch', count: 1 }],
    ],
    [
      'a stock in MySQL that is not what was put up for sale',
      (sale) => {
        sale.totalCount = 60;
      },
      [{ kind: 'count_mismatch', count: 10 }],
    ],
    [
      'an event that is missing in the ledger of events',
      (sale) => {
        sale.eventUnits = 48;
      },
      [{ kind: 'event_mismatch', count: 2 }],
    ],
    [
      'answers that contradict each other',
      (sale) => {
        sale.contradictions.push({ couponSn: 'sn-7', detail: 'promised to user-7 and to user-8' });
      },
      [{ kind: 'contradiction', count: 1 }],
    ],
    [
      'a buyer who never got an answer and whose coupon is stored',
      (sale) => {
        sale.heard.delete('sn-7');
        sale.unanswered.push('user-7');
      },
      [{ kind: 'unanswered', count: 1 }],
    ],
  ])('finds %s, and nothing else', (_, damage, expected) => {
    const sale = aFlawlessSale();
    damage(sale);
    expect(found(sale)).toEqual(expected);
  });

  it('finds two defects of one sale, each under its own name', () => {
    const sale = aFlawlessSale();
    sale.rows.splice(7, 1);
    stored(sale, 49);
    sale.rows[20] = { couponSn: sale.rows[20]?.couponSn ?? '', userId: 'user-somebody-else' };
    expect(found(sale)).toEqual([
      { kind: 'lost', count: 1 },
      { kind: 'wrong_user', count: 1 },
    ]);
  });

  it('does not call a sale undersold when fewer asked than there were coupons', () => {
    const sale = aFlawlessSale();
    sale.terms = { ...TERMS, stock: 80, demand: 50 };
    sale.totalCount = 80;
    expect(found(sale)).toEqual([]);
  });

  it('names the first few and says that there are more', () => {
    const sale = aFlawlessSale();
    sale.rows.splice(0, 7);
    stored(sale, 43);
    expect(verifySale(sale.terms, sale, sale)).toEqual([
      {
        kind: 'lost',
        count: 7,
        detail: 'promised to a buyer and not in MySQL: sn-0, sn-1, sn-2, sn-3, sn-4, …',
      },
    ]);
  });
});
