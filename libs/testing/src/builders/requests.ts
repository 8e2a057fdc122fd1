/** Body of POST /api/v1/coupon-templates. Money as decimal strings, times RFC 3339. */
export interface TemplateBody {
  readonly name: string;
  readonly type: number;
  readonly discount_type: number;
  readonly discount_value: string;
  readonly min_amount: string;
  readonly total_count: number;
  readonly per_user_limit: number;
  readonly valid_start_time: string;
  readonly valid_end_time: string;
}

/** Body of POST /api/v1/flash-sales. */
export interface ActivityBody {
  readonly coupon_id: string;
  readonly name: string;
  readonly total_count: number;
  readonly per_user_limit: number;
  readonly start_time: string;
  readonly end_time: string;
}

const DAY_MS = 86_400_000;

/** A valid template: 10.00 off from 50.00 on, 1000 coupons, one per user, valid from yesterday for a month. */
export function aTemplate<T extends object = object>(
  overrides: T = {} as T,
  nowMs: number = Date.now(),
): TemplateBody & T {
  return {
    name: 'ten off',
    type: 1,
    discount_type: 1,
    discount_value: '10.00',
    min_amount: '50.00',
    total_count: 1000,
    per_user_limit: 1,
    valid_start_time: new Date(nowMs - DAY_MS).toISOString(),
    valid_end_time: new Date(nowMs + 30 * DAY_MS).toISOString(),
    ...overrides,
  };
}

/** A valid activity of a template: 100 units, one per user, from a minute ago for an hour. */
export function anActivity<T extends { coupon_id: string }>(
  overrides: T,
  nowMs: number = Date.now(),
): ActivityBody & T {
  return {
    name: 'noon sale',
    total_count: 100,
    per_user_limit: 1,
    start_time: new Date(nowMs - 60_000).toISOString(),
    end_time: new Date(nowMs + 3_600_000).toISOString(),
    ...overrides,
  };
}
