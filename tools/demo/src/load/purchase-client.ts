import { Pool } from 'undici';
import type { Click } from '../scenario/buyers';
import type { Answer } from './ledger';

export interface PurchaseClientOptions {
  /** Base URLs of the gateways; requests go to them in turn. */
  readonly gateways: readonly string[];
  /** Kept-alive connections to each gateway. */
  readonly connectionsEach: number;
  /** A bearer token for a buyer; absent when the gateways do not ask for one. */
  readonly tokenOf?: ((userId: string) => Promise<string>) | undefined;
}

const PATH = '/api/v1/seckill/purchase';
const REQUEST_TIMEOUT_MS = 10_000;

interface PurchaseBody {
  readonly success?: boolean;
  readonly code?: string;
  readonly claim_id?: string;
  readonly coupon_sns?: readonly string[];
  readonly replayed?: boolean;
}

/** Real HTTP to the gateways, nothing repeated by itself. */
export class PurchaseClient {
  readonly #pools: readonly Pool[];
  readonly #tokenOf: ((userId: string) => Promise<string>) | undefined;
  #next = 0;

  constructor(options: PurchaseClientOptions) {
    this.#tokenOf = options.tokenOf;
    this.#pools = options.gateways.map(
      (origin) =>
        new Pool(origin, {
          connections: options.connectionsEach,
          pipelining: 1,
          headersTimeout: REQUEST_TIMEOUT_MS,
          bodyTimeout: REQUEST_TIMEOUT_MS,
        }),
    );
  }

  /** Never rejects: a request without an answer is refused with code NO_ANSWER, and nobody knows what it did. */
  async purchase(activityId: string, click: Click): Promise<Answer> {
    const pool = this.#pools[this.#next++ % this.#pools.length] as Pool;
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (click.key !== undefined) headers['idempotency-key'] = click.key;
    if (this.#tokenOf) headers['authorization'] = `Bearer ${await this.#tokenOf(click.userId)}`;
    const body = `{"activity_id":"${activityId}","user_id":"${click.userId}","quantity":${click.quantity}}`;
    try {
      const response = await pool.request({ method: 'POST', path: PATH, headers, body });
      return toAnswer((await response.body.json()) as PurchaseBody, response.headers['retry-after']);
    } catch {
      return { kind: 'refused', code: 'NO_ANSWER', retryAfterMs: undefined };
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
  }
}

export function toAnswer(body: PurchaseBody, retryAfter: string | string[] | undefined): Answer {
  if (body.success === true && body.claim_id !== undefined && body.coupon_sns !== undefined) {
    return {
      kind: 'accepted',
      claimId: body.claim_id,
      couponSns: body.coupon_sns,
      replayed: body.replayed === true,
    };
  }
  const seconds = Number(Array.isArray(retryAfter) ? retryAfter[0] : retryAfter);
  return {
    kind: 'refused',
    code: body.code ?? 'NOT_UNDERSTOOD',
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
  };
}
