import type { SeededRandom } from '@coupon/testing';

/** One press of the button. A key is sent as Idempotency-Key; without one the gateway makes up its own. */
export interface Click {
  readonly userId: string;
  readonly quantity: number;
  readonly key: string | undefined;
}

/** How a buyer behaves; each click of `together` is sent at once, `then` after those are answered. */
export interface Buyer {
  readonly userId: string;
  readonly together: readonly Click[];
  readonly then: readonly Click[];
}

/** Shares of the buyers who do something else than click once. */
const SAME_KEY_SHARE = 0.08;
const OTHER_KEYS_SHARE = 0.05;
const TOO_MANY_SHARE = 0.02;
const NO_KEY_SHARE = 0.1;

const FIRST_USER_ID = 1_000_001;

/** Users of different parts of the story never meet. */
export function userIdAt(index: number): string {
  return String(FIRST_USER_ID + index);
}

/**
 * The buyers of the main sale (limit 1) in the order in which they press: most click once, some without a key; some click two or three
 * times at once, with one key or with different ones; some first ask for more than the limit.
 */
export function planBuyers(count: number, random: SeededRandom): Buyer[] {
  const buyers = Array.from({ length: count }, (_, index) => planBuyer(userIdAt(index), random));
  return random.shuffle(buyers);
}

function planBuyer(userId: string, random: SeededRandom): Buyer {
  const key = `click-${userId}`;
  const click: Click = { userId, quantity: 1, key: random.next() < NO_KEY_SHARE ? undefined : key };
  const kind = random.next();
  const times = random.int(2, 3);
  if (kind < SAME_KEY_SHARE) {
    return { userId, together: Array.from({ length: times }, () => ({ ...click, key })), then: [] };
  }
  if (kind < SAME_KEY_SHARE + OTHER_KEYS_SHARE) {
    return {
      userId,
      together: Array.from({ length: times }, (_, n) => ({ ...click, key: `${key}-${n + 1}` })),
      then: [],
    };
  }
  if (kind < SAME_KEY_SHARE + OTHER_KEYS_SHARE + TOO_MANY_SHARE) {
    return { userId, together: [{ userId, quantity: 2, key: `${key}-two` }], then: [click] };
  }
  return { userId, together: [click], then: [] };
}

/** Buyers who each click `clicks` times at once, every click a new wish. */
export function planCollectors(count: number, clicks: number): Buyer[] {
  return Array.from({ length: count }, (_, index) => {
    const userId = userIdAt(index);
    const together = Array.from({ length: clicks }, (_, n) => ({
      userId,
      quantity: 1,
      key: `collect-${userId}-${n + 1}`,
    }));
    return { userId, together, then: [] };
  });
}

/** People who come when the sale is not open: one click each. */
export function planPassersBy(count: number, firstIndex: number): Buyer[] {
  return Array.from({ length: count }, (_, index) => {
    const userId = userIdAt(firstIndex + index);
    return { userId, together: [{ userId, quantity: 1, key: `passing-${userId}` }], then: [] };
  });
}
