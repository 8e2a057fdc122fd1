import { UserError, labelled } from '@coupon/platform';
import { median, medians, thisMachine } from '../bench';
import type { Bench, BenchContext, BenchReport, Numbers, Target } from '../bench';
import { runLoad } from './load';
import type { LoadOutcome } from './load';
import { ResourceUse } from './resource-use';
import type { Used } from './resource-use';
import { ShopBed } from './shop-bed';
import { measureStockRates } from './stock-rates';
import type { StockRates } from './stock-rates';
import { verifyCheckouts, verifyFloor } from './verify-checkouts';

const CONCURRENCIES = [1, 16, 64] as const;
const MAIN = 16;
const TARGET = 0.6;
const QUICK_SECONDS = 5;
const FULL_SECONDS = 15;
const WARM_UP_S = 1;
const MOST_PER_SECOND = 800;
const STORES = ['mysql', 'boltdb'] as const;
const CASES = [...STORES, 'stock'] as const;

type Subject = 'checkout' | 'floor';

interface Run {
  readonly round: number;
  readonly subject: Subject;
  readonly concurrency: number;
  readonly figures: Numbers;
}

/**
 * Checkouts per second from the request to AWAITING_PAYMENT, next to the floor in the same run: the same four branches with barrier-only
 * transactions on the same DTM and MySQL. DTM keeps its transactions in MySQL, as deployment files have it; `--case boltdb`: in a file. Then
 * the three strategies of stock side by side.
 */
export const sagaBench: Bench = async (context): Promise<BenchReport> => {
  const { store, withCheckouts, withStock } = casesOf(context.cases);
  const seconds = context.seconds ?? (context.full ? FULL_SECONDS : QUICK_SECONDS);
  const bed = await ShopBed.lay(context, store);
  const runs = withCheckouts ? await runRounds(context, bed, seconds) : [];
  const stock = withStock
    ? await measureStockRates({
        sagaUrl: bed.platform.one('saga-participant').httpUrl,
        rounds: context.rounds,
        signal: context.signal,
        line: context.screen.line,
      })
    : undefined;
  return report(context, bed, { runs, stock, seconds });
};

interface Cases {
  readonly store: (typeof STORES)[number];
  readonly withCheckouts: boolean;
  readonly withStock: boolean;
}

function casesOf(cases: readonly string[] = ['mysql', 'stock']): Cases {
  const [store, second] = STORES.filter((name) => cases.includes(name));
  const known = cases.every((name) => CASES.some((one) => one === name));
  if (!known || second !== undefined) throw new UserError(`--case: ${STORES.join(' or ')}, and stock`);
  return { store: store ?? 'mysql', withCheckouts: store !== undefined, withStock: cases.includes('stock') };
}

async function runRounds(context: BenchContext, bed: ShopBed, seconds: number): Promise<Run[]> {
  const runs: Run[] = [];
  for (let round = 1; round <= context.rounds; round += 1) {
    for (const concurrency of CONCURRENCIES) {
      const order: readonly Subject[] = round % 2 === 1 ? ['floor', 'checkout'] : ['checkout', 'floor'];
      for (const subject of order) {
        context.signal.throwIfAborted();
        const figures = await measure(bed, { subject, concurrency, seconds, round });
        runs.push({ round, subject, concurrency, figures });
        context.screen.line(labelled(`round ${round}`, describe(subject, concurrency, figures)));
      }
    }
  }
  return runs;
}

interface MeasureTerms {
  readonly subject: Subject;
  readonly concurrency: number;
  readonly seconds: number;
  readonly round: number;
}

async function measure(bed: ShopBed, { subject, concurrency, seconds, round }: MeasureTerms): Promise<Numbers> {
  // One length for all numbers of a run: see libs/saga about gids in boltdb.
  const prefix = `b${subject === 'floor' ? 'f' : 'c'}${String(round).padStart(2, '0')}${String(concurrency).padStart(2, '0')}`;
  const most = (seconds + WARM_UP_S) * MOST_PER_SECOND;
  const coupons = subject === 'checkout' ? await bed.issue(most) : [];
  const servicePid = subject === 'checkout' ? bed.platform.one('saga-participant').pid : bed.floor.pid;
  const use = new ResourceUse(bed, servicePid);
  const outcome = await runLoad({
    ...(subject === 'checkout'
      ? { origin: bed.platform.one('saga-participant').httpUrl, path: '/api/v1/checkouts?wait=true' }
      : { origin: `http://127.0.0.1:${bed.floor.ready.port}`, path: '/' }),
    concurrency,
    warmUpMs: WARM_UP_S * 1_000,
    measuredMs: seconds * 1_000,
    body: (n) => {
      if (n >= most) return undefined;
      const orderSn = `${prefix}-${String(n).padStart(6, '0')}`;
      return { orderSn, text: bodyOf(bed, orderSn, n, coupons[n]) };
    },
    onMeasured: () => use.begin(),
  });
  const used = await use.end();
  await bed.untilQuiet();
  await (subject === 'checkout' ? verifyCheckouts : verifyFloor)(bed, prefix, outcome.told);
  return figuresOf(outcome, used);
}

function bodyOf(
  bed: ShopBed,
  orderSn: string,
  n: number,
  coupon: { readonly userId: string; readonly couponSn: string } | undefined,
): string {
  const items = bed.pickProducts(n).map((id) => ({ goods_id: id, quantity: 1 }));
  const { userId, couponSn } = coupon ?? { userId: String(n + 1), couponSn: '01K0000000ABCDEFGHJKMNPQRS001' };
  return JSON.stringify({ order_sn: orderSn, user_id: userId, coupon_sns: [couponSn], items, shipping_fee: '6.00' });
}

function figuresOf({ answered, seconds, latency }: LoadOutcome, used: Used): Numbers {
  const perCheckout = Object.entries(used).flatMap(([name, value]) =>
    value === null ? [] : [[name, rounded(value / answered, 2)] as const],
  );
  return {
    per_second: rounded(answered / seconds, 1),
    p50_ms: rounded(latency.p50_ms, 1),
    p99_ms: rounded(latency.p99_ms, 1),
    ...Object.fromEntries(perCheckout),
  };
}

function describe(subject: Subject, concurrency: number, figures: Numbers): string {
  const shown = Object.entries(figures)
    .map(([name, value]) => `${name} ${value}`)
    .join('  ');
  return `${subject.padEnd(9)} ${String(concurrency).padStart(2)} concurrent  ${shown}`;
}

interface Measured {
  readonly runs: readonly Run[];
  readonly stock: StockRates | undefined;
  readonly seconds: number;
}

function report({ rounds, screen }: BenchContext, bed: ShopBed, { runs, stock, seconds }: Measured): BenchReport {
  const of = (subject: Subject, concurrency: number): Numbers[] =>
    runs.filter((run) => run.subject === subject && run.concurrency === concurrency).map(({ figures }) => figures);
  const ratioAt = (concurrency: number): number => {
    const floors = of('floor', concurrency);
    const ratios = of('checkout', concurrency).map(
      (figures, round) => (figures['per_second'] ?? 0) / (floors[round]?.['per_second'] ?? NaN),
    );
    return rounded(median(ratios), 3);
  };
  const figures: Record<string, Numbers> = {};
  const floor: Record<string, Numbers> = {};
  for (const concurrency of runs.length > 0 ? CONCURRENCIES : []) {
    figures[`c${concurrency}`] = { ...medians(of('checkout', concurrency)), ratio: ratioAt(concurrency) };
    floor[`c${concurrency}`] = medians(of('floor', concurrency));
  }
  for (const [strategy, rates] of Object.entries(stock?.median ?? {})) figures[`stock-${strategy}`] = rates;
  const targets = runs.length > 0 ? [targetOf(ratioAt(MAIN))] : [];
  for (const { figure, median: reached, met } of targets) {
    screen.line(labelled(met ? 'met' : 'NOT MET', `${figure} ${reached} (target ${TARGET})`));
  }
  return {
    name: 'saga',
    machine: thisMachine(),
    at: new Date().toISOString(),
    setup: { rounds, seconds, ...setupOf(bed), ...stockSetup(stock) },
    runs: [...runs, ...(stock?.runs ?? [])],
    median: figures,
    floor,
    ratio: runs.length > 0 ? ratioAt(MAIN) : 0,
    targets,
  };
}

function targetOf(ratio: number): Target {
  const figure = `checkouts/s at ${MAIN} concurrent / floor`;
  return { figure, target: TARGET, median: ratio, met: ratio >= TARGET };
}

function setupOf({ platform }: ShopBed): Record<string, string | number> {
  const { mysql, rabbitmq } = platform.servers.endpoints;
  return {
    transport: 'grpc',
    coupons_per_checkout: 1,
    lines_per_checkout: 2,
    mysql: `${mysql.flavour} ${mysql.version}`,
    rabbitmq: rabbitmq.version,
    dtm: platform.sagas?.servers.endpoints.dtm.version ?? 'unknown',
    dtm_store: platform.sagas?.store ?? 'unknown',
  };
}

function stockSetup(stock: StockRates | undefined): Record<string, number> {
  if (stock === undefined) return {};
  const { buyers, orders, scarce_units } = stock.setup;
  return { stock_buyers: buyers, stock_orders: orders, stock_scarce_units: scarce_units };
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
