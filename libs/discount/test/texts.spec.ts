import type { RefusalReason, StackingRefusal } from '../src/model';
import type { RuleFacts } from '../src/rules/rule';
import { appliedText } from '../src/texts/applied-text';
import { localeOf } from '../src/texts/locale';
import { refusalDetails, refusalText, stackingText } from '../src/texts/refusal-text';

describe('texts', () => {
  test.each<[RuleFacts, string, string]>([
    [
      { rule: 'full_reduction', minAmountMinor: 10_000n, valueMinor: 2000n },
      '20.00 off from 100.00',
      '满100.00减20.00',
    ],
    [{ rule: 'full_reduction', minAmountMinor: 0n, valueMinor: 5n }, '0.05 off', '无门槛减0.05'],
    [{ rule: 'ratio', minAmountMinor: 0n, percentHundredths: 2000n, maxDiscountMinor: null }, '20% off', '无门槛减20%'],
    [
      { rule: 'ratio', minAmountMinor: 100n, percentHundredths: 1250n, maxDiscountMinor: 900n },
      '12.5% off from 1.00, at most 9.00',
      '满1.00减12.5%，最多减9.00',
    ],
    [
      { rule: 'ratio', minAmountMinor: 0n, percentHundredths: 10_000n, maxDiscountMinor: null },
      '100% off',
      '无门槛减100%',
    ],
    [{ rule: 'free_shipping', minAmountMinor: 0n, valueMinor: null }, 'free shipping', '无门槛免运费'],
    [
      { rule: 'free_shipping', minAmountMinor: 500n, valueMinor: 300n },
      '3.00 off shipping from 5.00',
      '满5.00减运费3.00',
    ],
    [
      { rule: 'tiered', minAmountMinor: 500n, valueMinor: 100n },
      '1.00 off from 5.00 (tier reached)',
      '阶梯满减：满5.00减1.00',
    ],
    [{ rule: 'buy_x_get_y', buy: 2, get: 1, freeUnits: 3 }, 'buy 2, get 1 free: 3 free', '买2送1：免3件'],
  ])('of an applied coupon: %p', (facts, en, zh) => {
    expect(appliedText(facts, 'en')).toBe(en);
    expect(appliedText(facts, 'zh')).toBe(zh);
  });

  test('a shortfall is told in both languages and in the details', () => {
    const reason: RefusalReason = {
      code: 'BELOW_MIN_AMOUNT',
      minAmountMinor: 5000n,
      subtotalMinor: 3800n,
      shortfallMinor: 1200n,
    };
    expect(refusalText(reason, 'en')).toContain('12.00 more');
    expect(refusalText(reason, 'zh')).toContain('再买12.00');
    expect(refusalDetails(reason)).toEqual({ shortfall: '12.00', min_amount: '50.00', subtotal: '38.00' });
  });

  test('every code has a text in both languages, and times are RFC 3339', () => {
    const plain = [
      'NOT_OWNED',
      'TEMPLATE_DISABLED',
      'ALREADY_USED',
      'LOCKED_BY_ANOTHER_ORDER',
      'NO_APPLICABLE_GOODS',
      'NO_EFFECT',
      'NOT_IN_BEST',
    ] as const;
    for (const code of plain) {
      expect(refusalText({ code }, 'en')).toMatch(/^[A-Z].*\.$/);
      expect(refusalText({ code }, 'zh')).toMatch(/。$/);
      expect(refusalDetails({ code })).toEqual({});
    }
    expect(refusalDetails({ code: 'EXPIRED', validEndMs: 0 })).toEqual({ valid_end_time: '1970-01-01T00:00:00Z' });
    expect(refusalDetails({ code: 'NOT_YET_VALID', validStartMs: 0 })).toEqual({
      valid_start_time: '1970-01-01T00:00:00Z',
    });
    expect(refusalDetails({ code: 'NOT_STACKABLE', blockedBy: '4' })).toEqual({ blocked_by: '4' });
    expect(refusalText({ code: 'EXPIRED', validEndMs: 0 }, 'zh')).toContain('1970-01-01T00:00:00Z');
  });

  test.each(['TOO_MANY_COUPONS', 'EXCLUSIVE_GROUP', 'NOT_STACKABLE'] as const)(
    '%s has a text in both languages',
    (code) => {
      const refusal: StackingRefusal = { outcome: 'refused', code, couponIds: [], maxStackCount: 5, refused: [] };
      expect(stackingText(refusal, 'en')).toMatch(/\.$/);
      expect(stackingText(refusal, 'zh')).toMatch(/。$/);
    },
  );

  test.each([
    [undefined, 'en'],
    ['zh-CN,zh;q=0.9,en;q=0.8', 'zh'],
    ['en-US, zh;q=0.5', 'en'],
    ['fr, zh;q=0.2', 'zh'],
    ['en;q=0.3, zh;q=0.4', 'zh'],
    ['zh;q=0, en;q=0.1', 'en'],
    ['*', 'en'],
    ['zhuang', 'en'],
  ])('Accept-Language %p is %s', (header, locale) => {
    expect(localeOf(header)).toBe(locale);
  });
});
