import type { ActivityId } from '@coupon/domain';
import type { LoadPlan } from '../load/load-plan';
import type { GatewaySubject, Mix } from './cases';
import type { ClaimStore, SaleTerms } from './claim-store';

/** All users of a benchmark have as many digits. */
export const FIRST_USER = 1_000_000_000;
/** Users who are there already when a run begins lie far from those who come. */
const EARLIER_USERS = 2_000_000_000;
/** More than any gateway answers: a run by the clock never runs out of users. */
const MOST_PER_SECOND = 100_000;
const PASSING_USERS = 20_000;
const RETURNING_USERS = 5_000;
const MIXED_PER_SECOND = 20_000;
const COLD_TOKENS_PER_SECOND = { none: 30_000, hs256: 30_000, rs256: 18_000 } as const;
const COLD_WARM_UP_S = 1;
const USER_RATE = 5;

/** The part of a plan that depends on who claims what. */
export type Crowd = Pick<
  LoadPlan,
  'firstUser' | 'users' | 'activities' | 'maxRequests' | 'maxSeconds' | 'warmUpSeconds' | 'warmUpRequests'
> & { readonly firstKey?: number };

export interface PreparedSale {
  readonly activities: readonly ActivityId[];
  /** Claims made before, to the last answer; nothing of it is measured. */
  readonly before: Crowd | undefined;
  readonly crowd: Crowd;
  /** Tokens needed, one per user. */
  readonly tokens: number;
  /** Every answer is one of these, or the run is not what it says. */
  readonly expected: readonly string[];
}

export interface SaleLength {
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

const EXPECTED: Readonly<Record<Mix, readonly string[]>> = {
  accepted: ['OK'],
  'sold-out': ['409 SOLD_OUT'],
  mixed: ['OK', '409 SOLD_OUT'],
  duplicates: ['REPLAYED'],
  'over-limit': ['409 LIMIT_REACHED'],
  passes: ['OK'],
};

/** Opens what a subject's run needs and says who comes. */
export async function prepareSale(
  store: ClaimStore,
  subject: GatewaySubject,
  length: SaleLength,
): Promise<PreparedSale> {
  const { mix } = subject;
  const userRatePerSecond = subject.settings.limits ? USER_RATE : 0;
  const most = Math.ceil((length.seconds + length.warmUpSeconds) * MOST_PER_SECOND);
  const timed = { maxSeconds: length.seconds, warmUpSeconds: length.warmUpSeconds, warmUpRequests: 0 };
  const terms: SaleTerms = { total: most, perUserLimit: 1, userRatePerSecond };
  const expected = EXPECTED[mix];
  const one = async (over: Partial<SaleTerms> = {}): Promise<[ActivityId]> => [await store.open({ ...terms, ...over })];
  switch (mix) {
    case 'accepted': {
      const activities = await one();
      if (!subject.fresh) return sale(activities, { ...everyoneNew(activities, most), ...timed }, { expected });
      // A process that has just started needs longer to be at its speed. A run by tokens ends with the last one.
      const tokens = Math.ceil(COLD_TOKENS_PER_SECOND[subject.settings.auth] * (length.seconds + COLD_WARM_UP_S));
      const crowd = { ...everyoneNew(activities, tokens), ...timed, warmUpSeconds: COLD_WARM_UP_S };
      return sale(activities, crowd, { expected, tokens: subject.settings.auth === 'none' ? 0 : tokens });
    }
    case 'passes': {
      const passes = Math.ceil(most / PASSING_USERS) + 1;
      const activities: ActivityId[] = [];
      for (let pass = 0; pass < passes; pass += 1)
        activities.push(await store.open({ ...terms, total: PASSING_USERS }));
      const crowd = {
        ...timed,
        firstUser: FIRST_USER,
        users: PASSING_USERS,
        activities,
        maxRequests: passes * PASSING_USERS,
        // Whoever comes in the measured part has been here before: the tokens are known.
        warmUpRequests: PASSING_USERS,
      };
      return sale(activities, crowd, { expected, tokens: subject.settings.auth === 'none' ? 0 : PASSING_USERS });
    }
    case 'sold-out': {
      const activities = await one({ total: RETURNING_USERS });
      return sale(
        activities,
        { ...everyoneNew(activities, most), ...timed },
        { expected, before: earlier(activities, 1) },
      );
    }
    case 'mixed': {
      const requests = Math.ceil(length.seconds * MIXED_PER_SECOND);
      const activities = await one({ total: Math.ceil(requests / 10) });
      const crowd = {
        ...everyoneNew(activities, requests),
        maxSeconds: 10 * length.seconds,
        warmUpSeconds: 0,
        warmUpRequests: 0,
      };
      return sale(activities, crowd, { expected });
    }
    case 'duplicates': {
      const activities = await one({ total: RETURNING_USERS });
      const crowd = { ...timed, firstUser: EARLIER_USERS, users: RETURNING_USERS, activities, maxRequests: most };
      return sale(activities, crowd, { expected, before: earlier(activities, 1) });
    }
    case 'over-limit': {
      const activities = await one({ perUserLimit: 2 });
      const before = { ...earlier(activities, 2), firstKey: 0 };
      const crowd = { ...timed, firstUser: EARLIER_USERS, users: RETURNING_USERS, activities, maxRequests: most };
      return sale(activities, { ...crowd, firstKey: before.maxRequests }, { expected, before });
    }
  }
}

function sale(
  activities: readonly ActivityId[],
  crowd: Crowd,
  { expected, before, tokens = 0 }: { expected: readonly string[]; before?: Crowd; tokens?: number },
): PreparedSale {
  return { activities, crowd, before, tokens, expected };
}

function everyoneNew(
  activities: readonly ActivityId[],
  users: number,
): Pick<Crowd, 'firstUser' | 'users' | 'activities' | 'maxRequests'> {
  return { firstUser: FIRST_USER, users, activities, maxRequests: users };
}

/** The returning users claim `each` times, as long as it takes. */
function earlier(activities: readonly ActivityId[], each: number): Crowd {
  return {
    firstUser: EARLIER_USERS,
    users: RETURNING_USERS,
    activities,
    maxRequests: each * RETURNING_USERS,
    maxSeconds: 60,
    warmUpSeconds: 0,
    warmUpRequests: 0,
  };
}
