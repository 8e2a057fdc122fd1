import { labelled, signToken } from '@coupon/platform';
import type { Platform } from '@coupon/platform';
import type { SeededRandom } from '@coupon/testing';
import { count } from '../report/render-report';
import type { Stage } from '../stage';
import { named } from '../verify/violation';
import type { Violation } from '../verify/violation';
import { freshNotes, liveOrder } from './live-orders';
import type { Afterwards, LifeContext, LifeNotes } from './live-orders';
import { planOrders } from './plan-orders';
import type { PlannedOrder } from './plan-orders';
import { fillShelf, grantFurtherCoupons } from './prepare-shop';
import { RedemptionDatabases } from './read-redemption-truth';
import { redemptionReport } from './redemption-report';
import type { RedemptionReport } from './redemption-report';
import { ShopClient } from './shop-client';
import { verifyRedemption } from './verify/verify-redemption';

/** The demo's shop does not wait for its money as long as a real one. Coupons are locked for longer, as the configuration demands. */
export const PAYMENT_TIMEOUT_MS = 8_000;
export const SHOP_SETTINGS: Readonly<Record<string, string>> = {
  PAYMENT_TIMEOUT_MS: String(PAYMENT_TIMEOUT_MS),
  COUPON_LOCK_TTL_MS: '90000',
  SWEEP_INTERVAL_MS: '1000',
};

const CONCURRENCY = 16;
const CONNECTIONS = 64;
const LOOK_INTERVAL_MS = 250;
const REST_BASE_MS = 60_000;
const REST_PER_ORDER_MS = 50;

export interface Redemption {
  readonly report: RedemptionReport;
  readonly violations: readonly Violation[];
}

export interface RedemptionTerms {
  /** Winners who check out, at most. */
  readonly checkouts: number;
  /** Coupon of the main sale -> its winner. */
  readonly heard: ReadonlyMap<string, string>;
  readonly random: SeededRandom;
}

/** Winners spend what they have won, in every way there is; then both databases must agree with each other and with them. */
export async function runRedemption(stage: Stage, platform: Platform, terms: RedemptionTerms): Promise<Redemption> {
  const { sagas, auth } = platform;
  if (!sagas) throw new Error('saga-participant was not started');
  const client = new ShopClient({
    sagaUrl: platform.one('saga-participant').httpUrl,
    webhookSecret: sagas.webhookSecret,
    operatorHeaders: platform.operatorHeaders(),
    tokenOf: auth.mode === 'jwt' ? (userId) => signToken(auth.hs256Secret, { subject: userId }) : undefined,
    connections: CONNECTIONS,
    sleep: stage.sleep,
  });
  const databases = new RedemptionDatabases({ coupon: platform.database.adminUrl, shop: sagas.shop.adminUrl });
  try {
    return await spend(stage, client, databases, terms);
  } finally {
    await client.close();
    await databases.close();
  }
}

async function spend(
  stage: Stage,
  client: ShopClient,
  databases: RedemptionDatabases,
  { checkouts, heard, random }: RedemptionTerms,
): Promise<Redemption> {
  const won = [...heard].slice(0, checkouts).map(([saleSn, userId]) => ({ saleSn, userId }));
  const winners = await grantFurtherCoupons(stage.marketing, won, random);
  const shelf = await fillShelf(client, won.length);
  const plans = planOrders({ winners, products: shelf.products, prefix: `d${Date.now().toString(36)}`, random });
  const { screen } = stage;
  screen.line(labelled('shop', `${shelf.products.length} products; ${count(winners.length)} winners check out`));
  const notes = freshNotes();
  const started = performance.now();
  const placedMs = await watched(stage, databases, plans.length, notes, () =>
    liveAll(plans, {
      client,
      notes,
      paymentTimeoutMs: PAYMENT_TIMEOUT_MS,
      sleep: stage.sleep,
      signal: stage.signal,
    }),
  );
  await untilAtRest(stage, databases, plans.length);
  screen.line(labelled('checking', 'every coupon, amount and unit of stock against both databases'));
  const truth = await databases.read();
  return {
    report: redemptionReport({ truth, notes, plans, placedMs, totalMs: performance.now() - started }),
    violations: [
      ...verifyRedemption(truth, { orders: notes.stories, initialStock: shelf.initialStock }),
      ...(notes.strange.length > 0
        ? [named('unexpected_answer', notes.strange, 'at the checkout: answers that have no place in the story')]
        : []),
    ],
  };
}

/** @returns how long it took until every order was placed, without what came later */
async function liveAll(plans: readonly PlannedOrder[], context: LifeContext): Promise<number> {
  const started = performance.now();
  const afterwards: Promise<void>[] = [];
  const begin = (later: Afterwards): void => {
    const running = later();
    running.catch(() => undefined); // reported below
    afterwards.push(running);
  };
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let plan = plans[next++]; plan !== undefined; plan = plans[next++]) {
      context.signal.throwIfAborted();
      const later = await liveOrder(plan, context);
      context.notes.lived += 1;
      if (later) begin(later);
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, plans.length) }, worker));
  const placedMs = performance.now() - started;
  await Promise.all(afterwards);
  return placedMs;
}

/** Shows what the database says while the work is under way; each look ends before the next begins. */
async function watched<T>(
  stage: Stage,
  databases: RedemptionDatabases,
  orders: number,
  notes: LifeNotes,
  work: () => Promise<T>,
): Promise<T> {
  let isOver = false;
  const show = async (): Promise<string> => {
    const counts = await databases.orderCounts();
    const of = (status: string): string => `${count(counts[status] ?? 0)} ${status.toLowerCase().replace('_', ' ')}`;
    const shown = ['AWAITING_PAYMENT', 'PAID', 'CANCELLED', 'REFUNDED'].map(of).join('   ');
    return labelled('checkout', `${count(notes.lived)}/${count(orders)} winners   ${shown}`);
  };
  const looking = (async () => {
    while (!isOver) {
      const line = await show();
      stage.screen.live(() => line);
      await stage.sleep(LOOK_INTERVAL_MS);
    }
    stage.screen.line(await show());
  })();
  looking.catch(() => undefined); // reported below
  try {
    return await work();
  } finally {
    isOver = true;
    await looking;
  }
}

/** Resolves at the deadline, too: what is still under way then is for the verification to name. */
async function untilAtRest(stage: Stage, databases: RedemptionDatabases, orders: number): Promise<void> {
  const deadline = performance.now() + REST_BASE_MS + orders * REST_PER_ORDER_MS;
  while (!(await databases.isAtRest()) && performance.now() < deadline) {
    stage.signal.throwIfAborted();
    await stage.sleep(LOOK_INTERVAL_MS);
  }
}
