import type { Screen } from '@coupon/platform';
import { letCrowdClick } from './load/crowd';
import { Browsers } from './load/browsers';
import type { BrowsingReport } from './load/browsers';
import { Ledger } from './load/ledger';
import { count } from './report/render-report';
import type { Stage } from './stage';
import { planBuyers } from './scenario/buyers';
import { storyOf, unexpectedCodes } from './verify/verify-answers';
import { verifySale } from './verify/verify-sale';
import type { SaleTruth } from './verify/verify-sale';
import type { Violation } from './verify/violation';
import type { SeededRandom } from '@coupon/testing';

export interface MainSale {
  readonly ledger: Ledger;
  readonly truth: SaleTruth;
  readonly stormMs: number;
  readonly drainMs: number;
  readonly activityId: string;
  readonly browsing: BrowsingReport;
  readonly violations: readonly Violation[];
}

export interface MainSaleTerms {
  readonly templateId: string;
  readonly buyers: number;
  readonly stock: number;
  readonly random: SeededRandom;
}

const LIMIT = 1;
/** Buyers who are waiting for an answer at the same time. */
const CONCURRENCY = 128;
/** Winners who look at their coupons. */
const EARLY_WINNERS = 5;
/** How exactly the drain is timed. */
const LOOK_INTERVAL_MS = 50;

/** The sale everybody came for: opens, is stormed, and is over when every promised coupon is in MySQL. */
export async function runMainSale(stage: Stage, terms: MainSaleTerms): Promise<MainSale> {
  const { marketing, client, truth, screen, signal } = stage;
  const buyers = planBuyers(terms.buyers, terms.random);
  const nowMs = Date.now();
  const activityId = await marketing.createActivity({
    templateId: terms.templateId,
    name: 'noon sale',
    totalCount: terms.stock,
    perUserLimit: LIMIT,
    startMs: nowMs + 60_000,
    endMs: nowMs + 3_600_000,
  });
  const ledger = new Ledger();
  let done = 0;
  const arrivals = watchArrivals(screen, async () => {
    const stored = await truth.couponCount(activityId);
    const line = `selling   ${count(done)}/${count(buyers.length)} buyers answered   ${count(ledger.heard.size)} sold   ${count(stored)} in MySQL`;
    return { stored, line };
  });
  const browsers = new Browsers({
    read: (path) => marketing.read(path),
    cacheCounts: () => marketing.cacheCounts(),
    activityId,
    templateId: terms.templateId,
    winner: earlyWinners(ledger),
    sleep: stage.sleep,
  });
  await marketing.start(activityId);
  await browsers.start();
  const opened = performance.now();
  await letCrowdClick(buyers, {
    activityId,
    ledger,
    concurrency: CONCURRENCY,
    purchase: (id, click) => client.purchase(id, click),
    sleep: stage.sleep,
    onBuyerDone: () => (done += 1),
    signal,
  });
  const stormMs = performance.now() - opened;
  const browsing = await browsers.stop();
  await stage.untilStored(activityId, ledger.heard.size);
  const lastArrivalMs = await arrivals.stop();
  const sale = await truth.sale(activityId);
  return {
    activityId,
    browsing,
    ledger,
    truth: sale,
    stormMs,
    drainMs: Math.max(0, lastArrivalMs - ledger.lastAcceptedMs),
    violations: [
      ...verifySale({ stock: terms.stock, perUserLimit: LIMIT, demand: buyers.length * LIMIT }, storyOf(ledger), sale),
      ...unexpectedCodes(ledger, ['SOLD_OUT', 'LIMIT_REACHED']),
    ],
  };
}

/** One of the first who have won, in turn. */
function earlyWinners({ heard }: Pick<Ledger, 'heard'>): () => string | undefined {
  const known: string[] = [];
  let asked = 0;
  return () => {
    if (known.length < EARLY_WINNERS) known.splice(0, known.length, ...[...heard.values()].slice(0, EARLY_WINNERS));
    asked += 1;
    return known[asked % known.length];
  };
}

interface Arrivals {
  /** Ends the watch; resolves with the time, by performance.now(), at which the last change was seen. */
  stop(): Promise<number>;
}

/** Reads and shows how many coupons are in MySQL until stopped; each reading ends before the next begins. */
function watchArrivals(screen: Screen, read: () => Promise<{ stored: number; line: string }>): Arrivals {
  let stopped = false;
  let last = { stored: 0, atMs: performance.now() };
  const look = async (): Promise<string> => {
    const { stored, line } = await read();
    if (stored !== last.stored) last = { stored, atMs: performance.now() };
    return line;
  };
  const loop = async (): Promise<void> => {
    while (!stopped) {
      const line = await look();
      screen.live(() => line);
      await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
    }
    screen.line(await look());
  };
  const running = loop();
  running.catch(() => undefined); // reported by stop
  return {
    stop: async () => {
      stopped = true;
      await running;
      return last.atMs;
    },
  };
}
