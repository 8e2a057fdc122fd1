import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { STOCK_STRATEGIES, measureStockRates } from './stock-rates';
import type { StockRates } from './stock-rates';

interface Product {
  readonly units: number;
  readonly orders: Set<string>;
}

/** A shop in memory; `flaw` is what is wrong with it. */
class MemoryShop {
  readonly products = new Map<string, Product>();
  readonly used = new Set<string>();
  busyAnswers = 0;
  flaw: 'none' | 'oversells' | 'undersells' | 'fails' = 'none';

  answer(url: URL, body: Record<string, unknown>): { status: number; body: object } {
    const [, , , , id, , verb] = url.pathname.split('/');
    if (id === undefined) {
      const created = String(this.products.size + 1);
      this.products.set(created, { units: Number(body['stock']), orders: new Set() });
      return { status: 201, body: { id: created } };
    }
    const product = this.products.get(id);
    if (product === undefined) return { status: 404, body: { code: 'NOT_FOUND' } };
    const { units, orders } = product;
    if (verb !== 'reserve') return { status: 200, body: { stock: units - orders.size, reserved: orders.size } };
    this.used.add(url.searchParams.get('strategy') ?? '');
    if (this.flaw === 'fails') return { status: 500, body: { code: 'INTERNAL' } };
    if (this.busyAnswers > 0) {
      this.busyAnswers -= 1;
      return { status: 503, body: { code: 'OVERLOADED' } };
    }
    const limit = units + { none: 0, fails: 0, oversells: 1, undersells: -1 }[this.flaw];
    if (orders.size >= limit) return { status: 409, body: { code: 'SOLD_OUT' } };
    orders.add(String(body['order_id']));
    return { status: 200, body: { remaining_stock: units - orders.size } };
  }
}

describe('measureStockRates', () => {
  let shop: MemoryShop;
  let server: Server;
  const lines: string[] = [];

  beforeEach(async () => {
    shop = new MemoryShop();
    lines.length = 0;
    server = createServer((request, response) => {
      void bodyOf(request).then((body) => {
        const answer = shop.answer(new URL(request.url ?? '', 'http://shop'), body);
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const measure = (): Promise<StockRates> =>
    measureStockRates({
      sagaUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ...{ rounds: 2, buyers: 4, ordersPerBuyer: 5, signal: AbortSignal.timeout(10_000) },
      line: (text) => lines.push(text),
    });

  it('measures every strategy in every round, with units for all and for every tenth order', async () => {
    const { setup, runs, median } = await measure();
    expect(setup).toEqual({ buyers: 4, orders: 20, scarce_units: 2 });
    expect([...shop.products.values()].map(({ units }) => units)).toEqual(Array(6).fill([20, 2]).flat());
    expect(runs.map(({ round, strategy }) => `${round} ${strategy}`)).toEqual([
      ...STOCK_STRATEGIES.map((strategy) => `1 ${strategy}`),
      ...['2 optimistic', '2 lock', '2 pessimistic'],
    ]);
    expect(shop.used).toEqual(new Set(STOCK_STRATEGIES));
    for (const strategy of STOCK_STRATEGIES) {
      expect(median[strategy].ample_orders_per_second).toBeGreaterThan(0);
      expect(median[strategy].scarce_orders_per_second).toBeGreaterThan(0);
      expect(lines.filter((line) => line.includes(strategy))).toHaveLength(3);
    }
  });

  it('lets buyers come again who are told to, and counts it', async () => {
    shop.busyAnswers = 7;
    const { runs } = await measure();
    expect(runs.reduce((sum, { figures }) => sum + figures.retries, 0)).toBe(7);
  });

  it.each(['oversells', 'undersells', 'fails'] as const)('ends with an error when the shop %s', async (flaw) => {
    shop.flaw = flaw;
    await expect(measure()).rejects.toThrow(flaw === 'fails' ? 'answered with 500' : 'strategy pessimistic');
  });
});

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}
