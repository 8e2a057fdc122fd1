import { createHmac, randomUUID } from 'node:crypto';
import { Pool } from 'undici';

export interface ShopClientOptions {
  readonly sagaUrl: string;
  readonly webhookSecret: string;
  readonly operatorHeaders: Readonly<Record<string, string>>;
  /** A bearer token for a user; absent when the service does not ask for one. */
  readonly tokenOf?: ((userId: string) => Promise<string>) | undefined;
  readonly connections: number;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface CheckoutRequest {
  readonly orderSn: string;
  readonly userId: string;
  readonly couponSns: readonly string[];
  readonly items: readonly { readonly productId: string; readonly quantity: number }[];
  /** Decimal text. */
  readonly shippingFee: string;
}

/** What the service says about an order. */
export interface OrderView {
  readonly order_sn: string;
  /** Of the checkout saga; in the answer to the checkout only. */
  readonly gid?: string;
  readonly status: string;
  readonly reason_code?: string | null;
  readonly payment_sn?: string | null;
}

export type CheckoutAnswer =
  | { readonly kind: 'order'; readonly order: OrderView }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string; readonly message: string };

interface HttpAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const API = '/api/v1';
const REQUEST_TIMEOUT_MS = 15_000;
/** "Not now" and "nobody knows": every request here may be sent again as it is. */
const REPEAT = new Set([429, 502, 503, 504]);
const MOST_ATTEMPTS = 30;
const PAUSE_MS = 200;

/** The shop's customers and its payment provider: real HTTP to saga-participant. */
export class ShopClient {
  readonly #pool: Pool;

  constructor(private readonly options: ShopClientOptions) {
    this.#pool = new Pool(options.sagaUrl, {
      connections: options.connections,
      pipelining: 1,
      headersTimeout: REQUEST_TIMEOUT_MS,
      bodyTimeout: REQUEST_TIMEOUT_MS,
    });
  }

  /** @returns the product's id */
  async createProduct(product: {
    readonly name: string;
    readonly price: string;
    readonly categoryId: string;
    readonly stock: number;
  }): Promise<string> {
    const { name, price, categoryId, stock } = product;
    const { body } = await this.#expectOk(
      '/products',
      { name, price, category_id: categoryId, stock },
      { ...this.options.operatorHeaders, 'idempotency-key': randomUUID() },
    );
    return String(body['id']);
  }

  /** Waits for the end of the checkout saga, or five seconds. */
  async checkout(request: CheckoutRequest): Promise<CheckoutAnswer> {
    const { orderSn, userId, couponSns, items, shippingFee } = request;
    const answer = await this.#post(
      '/checkouts?wait=true',
      {
        order_sn: orderSn,
        user_id: userId,
        coupon_sns: couponSns,
        items: items.map(({ productId, quantity }) => ({ goods_id: productId, quantity })),
        shipping_fee: shippingFee,
      },
      await this.#userHeaders(userId),
    );
    if (isOk(answer)) return { kind: 'order', order: answer.body as unknown as OrderView };
    return {
      kind: 'refused',
      status: answer.status,
      code: String(answer.body['code']),
      message: String(answer.body['message']),
    };
  }

  async order(orderSn: string, userId: string): Promise<OrderView> {
    const answer = await this.#send('GET', `/checkouts/${orderSn}`, undefined, await this.#userHeaders(userId));
    if (!isOk(answer)) throw new Error(`GET of the order ${orderSn} was answered with ${describe(answer)}`);
    return answer.body as unknown as OrderView;
  }

  /** The payment provider tells what became of a payment. */
  async notify(paymentSn: string, status: 'succeeded' | 'failed', providerRef: string): Promise<void> {
    const body = JSON.stringify({ status, provider_ref: providerRef });
    const signature = createHmac('sha256', this.options.webhookSecret).update(body).digest('hex');
    const answer = await this.#send('POST', `/payments/${paymentSn}/notify`, body, {
      'x-signature': `sha256=${signature}`,
    });
    if (!isOk(answer)) throw new Error(`the notification ${providerRef} was answered with ${describe(answer)}`);
  }

  async cancel(orderSn: string, userId: string): Promise<void> {
    await this.#expectOk(`/orders/${orderSn}/cancel`, {}, await this.#userHeaders(userId));
  }

  async refund(orderSn: string): Promise<void> {
    await this.#expectOk(`/orders/${orderSn}/refund`, {}, this.options.operatorHeaders);
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #userHeaders(userId: string): Promise<Record<string, string>> {
    const { tokenOf } = this.options;
    return tokenOf ? { authorization: `Bearer ${await tokenOf(userId)}` } : {};
  }

  async #expectOk(path: string, body: object, headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
    const answer = await this.#post(path, body, headers);
    if (!isOk(answer)) throw new Error(`POST ${path} was answered with ${describe(answer)}`);
    return answer;
  }

  #post(path: string, body: object, headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
    return this.#send('POST', path, JSON.stringify(body), headers);
  }

  async #send(
    method: 'GET' | 'POST',
    path: string,
    body: string | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<HttpAnswer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#sendOnce(method, path, body, headers);
      if (!REPEAT.has(answer.status) || attempt === MOST_ATTEMPTS) return answer;
      await this.options.sleep(PAUSE_MS);
    }
  }

  async #sendOnce(
    method: 'GET' | 'POST',
    path: string,
    body: string | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<HttpAnswer> {
    try {
      const response = await this.#pool.request({
        method,
        path: `${API}${path}`,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        body: body ?? null,
      });
      return { status: response.statusCode, body: (await response.body.json()) as HttpAnswer['body'] };
    } catch (error) {
      // Nobody knows what it did: as 504.
      return {
        status: 504,
        body: { code: 'NO_ANSWER', message: error instanceof Error ? error.message : String(error) },
      };
    }
  }
}

function isOk({ status }: HttpAnswer): boolean {
  return status >= 200 && status < 300;
}

function describe({ status, body }: HttpAnswer): string {
  return `${status} ${JSON.stringify(body)}`;
}
