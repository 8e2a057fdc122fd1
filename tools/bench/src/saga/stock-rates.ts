import { Agent, request } from 'undici';
import { labelled } from '@coupon/platform';
import { medians } from '../bench';
import type { Numbers } from '../bench';

export const STOCK_STRATEGIES = ['pessimistic', 'optimistic', 'lock'] as const;
export type StockStrategyName = (typeof STOCK_STRATEGIES)[number];

export interface StockRatesOptions {
  /** Of a running saga-participant; with CACHE_REDIS_URL, which the strategy lock needs. */
  readonly sagaUrl: string;
  /** Of an operator, where callers are authenticated. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly rounds: number;
  /** Buyers who each order one unit after the other. @default 100 */
  readonly buyers?: number;
  /** @default 10 */
  readonly ordersPerBuyer?: number;
  readonly signal: AbortSignal;
  readonly line: (text: string) => void;
}

/** One strategy in one round, or the median of its rounds. Rates count orders with an answer; refusals are answers. */
export type StockFigures = Numbers &
  Readonly<
    Record<
      | 'ample_orders_per_second'
      | 'ample_p50_ms'
      | 'ample_p99_ms'
      | 'scarce_orders_per_second'
      | 'scarce_p50_ms'
      | 'scarce_p99_ms'
      /** Orders that were told to come again, and came. */
      | 'retries',
      number
    >
  >;

export interface StockRates {
  readonly setup: { readonly buyers: number; readonly orders: number; readonly scarce_units: number };
  readonly runs: readonly {
    readonly round: number;
    readonly strategy: StockStrategyName;
    readonly figures: StockFigures;
  }[];
  readonly median: Readonly<Record<StockStrategyName, StockFigures>>;
}

/** One unit for so many orders. */
const SCARCITY = 10;

/**
 * The strategies of stock side by side: all buyers want the same product, first with units for everybody, then with units for every tenth
 * order. Each run has a product of its own, and every round another strategy first. What was sold is compared with what the buyers were told.
 * @throws Error when a unit too many or too few was sold, or an answer is none that a buyer can have
 */
export async function measureStockRates(options: StockRatesOptions): Promise<StockRates> {
  const { rounds, buyers = 100, ordersPerBuyer = 10, line } = options;
  const orders = buyers * ordersPerBuyer;
  const scarceUnits = Math.ceil(orders / SCARCITY);
  const shop = new ShopClient(options, buyers);
  const runs: StockRates['runs'][number][] = [];
  try {
    for (let round = 1; round <= rounds; round += 1) {
      for (const strategy of rotated(STOCK_STRATEGIES, round - 1)) {
        const sale = { strategy, buyers, ordersPerBuyer };
        const ample = await sell(shop, { ...sale, units: orders });
        const scarce = await sell(shop, { ...sale, units: scarceUnits });
        const figures = figuresOf(ample, scarce);
        runs.push({ round, strategy, figures });
        line(labelled(`stock ${round}`, textOf(strategy, figures)));
      }
    }
  } finally {
    await shop.close();
  }
  const ofStrategy = (strategy: StockStrategyName): StockFigures =>
    medians(runs.filter((run) => run.strategy === strategy).map((run) => run.figures)) as StockFigures;
  const median = {
    pessimistic: ofStrategy('pessimistic'),
    optimistic: ofStrategy('optimistic'),
    lock: ofStrategy('lock'),
  };
  for (const strategy of STOCK_STRATEGIES) line(labelled('stock median', textOf(strategy, median[strategy])));
  return { setup: { buyers, orders, scarce_units: scarceUnits }, runs, median };
}

interface Sale {
  readonly strategy: StockStrategyName;
  readonly buyers: number;
  readonly ordersPerBuyer: number;
  readonly units: number;
}

interface SaleResult {
  readonly ordersPerSecond: number;
  readonly latenciesMs: readonly number[];
  readonly retries: number;
}

async function sell(shop: ShopClient, { strategy, buyers, ordersPerBuyer, units }: Sale): Promise<SaleResult> {
  const productId = await shop.createProduct(`${strategy}, ${units} units`, units);
  const latenciesMs: number[] = [];
  let [won, retries] = [0, 0];
  const buy = async (buyer: number): Promise<void> => {
    for (let index = 0; index < ordersPerBuyer; index += 1) {
      const began = performance.now();
      const answer = await shop.order({ productId, strategy, orderId: `bench-${productId}-${buyer}-${index}` });
      latenciesMs.push(performance.now() - began);
      if (answer.won) won += 1;
      retries += answer.retries;
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: buyers }, (_, buyer) => buy(buyer)));
  const seconds = (performance.now() - began) / 1_000;
  const expected = Math.min(units, buyers * ordersPerBuyer);
  const { stock, reserved } = await shop.stockOf(productId);
  if (won !== expected || reserved !== won || stock !== units - won) {
    throw new Error(
      `strategy ${strategy}: ${won} of ${expected} units were sold to buyers, stock says ${reserved} reserved and ${stock} left`,
    );
  }
  return { ordersPerSecond: latenciesMs.length / seconds, latenciesMs, retries };
}

/** The part of the interface that buyers and the shop's owner use. */
class ShopClient {
  readonly #agent: Agent;

  constructor(
    private readonly options: Pick<StockRatesOptions, 'sagaUrl' | 'headers' | 'signal'>,
    connections: number,
  ) {
    this.#agent = new Agent({ connections, pipelining: 1 });
  }

  async createProduct(name: string, stock: number): Promise<string> {
    const { status, body } = await this.#call('POST', '/api/v1/products', { name, price: '1.00', stock });
    const id = body['id'];
    if (status !== 201 || typeof id !== 'string') throw unexpected('POST /api/v1/products', status, body);
    return id;
  }

  /** Comes again for as long as it is told to. */
  async order(wanted: {
    readonly productId: string;
    readonly strategy: StockStrategyName;
    readonly orderId: string;
  }): Promise<{ readonly won: boolean; readonly retries: number }> {
    const path = `/api/v1/products/${wanted.productId}/stock/reserve?strategy=${wanted.strategy}`;
    for (let retries = 0; ; retries += 1) {
      const { status, body } = await this.#call('POST', path, { quantity: 1, order_id: wanted.orderId });
      if (status === 200) return { won: true, retries };
      if (status === 409 && body['code'] === 'SOLD_OUT') return { won: false, retries };
      if (status !== 503) throw unexpected(`POST ${path}`, status, body);
    }
  }

  async stockOf(productId: string): Promise<{ readonly stock: number; readonly reserved: number }> {
    const path = `/api/v1/products/${productId}/stock`;
    const { status, body } = await this.#call('GET', path);
    const { stock, reserved } = body;
    if (status !== 200 || typeof stock !== 'number' || typeof reserved !== 'number') {
      throw unexpected(`GET ${path}`, status, body);
    }
    return { stock, reserved };
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  async #call(
    method: 'GET' | 'POST',
    path: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    const { sagaUrl, headers, signal } = this.options;
    const answer = await request(`${sagaUrl}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: body === undefined ? null : JSON.stringify(body),
      dispatcher: this.#agent,
      signal,
    });
    return { status: answer.statusCode, body: (await answer.body.json()) as Record<string, unknown> };
  }
}

function figuresOf(ample: SaleResult, scarce: SaleResult): StockFigures {
  return {
    ample_orders_per_second: Math.round(ample.ordersPerSecond),
    ample_p50_ms: percentile(ample.latenciesMs, 0.5),
    ample_p99_ms: percentile(ample.latenciesMs, 0.99),
    scarce_orders_per_second: Math.round(scarce.ordersPerSecond),
    scarce_p50_ms: percentile(scarce.latenciesMs, 0.5),
    scarce_p99_ms: percentile(scarce.latenciesMs, 0.99),
    retries: ample.retries + scarce.retries,
  };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round((sorted[Math.ceil(sorted.length * share) - 1] ?? 0) * 10) / 10;
}

function textOf(strategy: StockStrategyName, figures: StockFigures): string {
  const { ample_orders_per_second: ample, scarce_orders_per_second: scarce } = figures;
  return (
    `${strategy.padEnd(11)}  enough for all ${ample}/s (p50 ${figures.ample_p50_ms} ms, p99 ${figures.ample_p99_ms} ms)` +
    `  for one in ${SCARCITY} ${scarce}/s (p50 ${figures.scarce_p50_ms} ms, p99 ${figures.scarce_p99_ms} ms)`
  );
}

function rotated<T>(values: readonly T[], by: number): T[] {
  const start = by % values.length;
  return [...values.slice(start), ...values.slice(0, start)];
}

function unexpected(call: string, status: number, body: unknown): Error {
  return new Error(`${call} was answered with ${status} ${JSON.stringify(body).slice(0, 300)}`);
}
