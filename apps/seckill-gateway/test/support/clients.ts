import { credentials } from '@grpc/grpc-js';
import { Agent, request } from 'undici';
import { SeckillClient } from '@coupon/contracts';
import type { FlashSaleRequest, FlashSaleResponse } from '@coupon/contracts';
import { AppError } from '@coupon/domain';
import type { ActivityId } from '@coupon/domain';
import { callUnary } from '@coupon/service-kit';

export interface Click {
  readonly activityId: ActivityId;
  readonly userId: string;
  readonly idempotencyKey: string;
}

/** What a buyer was told, over any interface. */
export interface Told {
  /** 'OK' for a receipt. */
  readonly code: string;
  /** HTTP only. */
  readonly status?: number;
  /** Of a refusal: when to come back, 0 when it did not say. */
  readonly retryAfterMs: number;
  /** Of RATE_LIMITED over HTTP and unary calls: which limit. */
  readonly limit?: string;
  readonly claimId: string;
  readonly replayed: boolean;
}

/** One interface of a gateway; every click is answered once, or rejects. */
export interface PurchaseClient {
  readonly name: string;
  buy(click: Click): Promise<Told>;
  close(): Promise<void>;
}

const DEADLINE_MS = 30_000;
/** Clients of one address share connections otherwise, and would all reach the same process of a gateway. */
const OWN_CONNECTION = { 'grpc.use_local_subchannel_pool': 1 };

export function httpClient(url: string, connections = 256): PurchaseClient {
  const agent = new Agent({ connections, pipelining: 1 });
  return {
    name: 'HTTP',
    async buy({ activityId, userId, idempotencyKey }) {
      const { statusCode, headers, body } = await request(`${url}/api/v1/seckill/purchase`, {
        method: 'POST',
        dispatcher: agent,
        headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
        body: JSON.stringify({ activity_id: activityId, user_id: userId }),
      });
      const answer = (await body.json()) as {
        code: string;
        claim_id?: string;
        replayed?: boolean;
        details?: { limit?: string };
      };
      const limit = answer.details?.limit;
      return {
        code: answer.code,
        status: statusCode,
        retryAfterMs: 1_000 * Number(headers['retry-after'] ?? 0),
        ...(limit === undefined ? {} : { limit }),
        claimId: answer.claim_id ?? '',
        replayed: answer.replayed ?? false,
      };
    },
    close: () => agent.close(),
  };
}

const messageOf = ({ activityId, userId, idempotencyKey }: Click): FlashSaleRequest => ({
  activityId,
  userId,
  idempotencyKey,
  clientIp: '',
});

const told = ({ code, retryAfterMs, claimId, replayed }: FlashSaleResponse): Told => ({
  code,
  retryAfterMs,
  claimId,
  replayed,
});

export function unaryClient(address: string): PurchaseClient {
  const client = new SeckillClient(address, credentials.createInsecure(), OWN_CONNECTION);
  return {
    name: 'gRPC',
    async buy(click) {
      try {
        const call = client.flashSaleCoupon.bind(client);
        return told(await callUnary(call, messageOf(click), { deadlineMs: DEADLINE_MS }));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        const { retry_after_ms: retryAfterMs = 0, limit } = (error.details ?? {}) as Record<string, unknown>;
        return {
          code: error.code,
          retryAfterMs: Number(retryAfterMs),
          ...(typeof limit === 'string' ? { limit } : {}),
          claimId: '',
          replayed: false,
        };
      }
    },
    async close() {
      client.close();
    },
  };
}

/** All clicks on one bidirectional stream. */
export function streamClient(address: string): PurchaseClient {
  const client = new SeckillClient(address, credentials.createInsecure(), OWN_CONNECTION);
  const stream = client.flashSaleCouponStream();
  const waiting = new Map<string, { resolve: (told: Told) => void; reject: (error: Error) => void }>();
  stream.on('data', (response: FlashSaleResponse) => {
    const id = response.requestId ?? '';
    const click = waiting.get(id);
    if (click === undefined) throw new Error(`an answer to nobody: ${id}`);
    waiting.delete(id);
    click.resolve(told(response));
  });
  let failure: Error | undefined;
  stream.on('error', (error: Error) => {
    failure = error;
    for (const { reject } of waiting.values()) reject(error);
  });
  let sent = 0;
  return {
    name: 'gRPC stream',
    buy: (click) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) {
          reject(failure);
          return;
        }
        const requestId = `r${(sent += 1)}`;
        waiting.set(requestId, { resolve, reject });
        stream.write({ ...messageOf(click), requestId });
      }),
    async close() {
      stream.end();
      client.close();
    },
  };
}
