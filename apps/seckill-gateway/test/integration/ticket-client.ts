import { randomBytes } from 'node:crypto';
import { Agent, request } from 'undici';
import { encodeClaimId } from '@coupon/domain';
import type { ActivityId, ClaimId, TicketId, UserId } from '@coupon/domain';
import { TicketQueue } from '@coupon/lua';
import type { ClaimRedis } from '@coupon/lua';
import { eventually } from '@coupon/testing';

export interface TicketAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: {
    readonly success?: boolean;
    readonly code?: string;
    readonly ticket?: string;
    readonly status?: string;
    readonly position?: number;
    readonly claim_id?: string;
    readonly coupon_sn?: string;
    readonly coupon_sns?: string[];
    readonly details?: Record<string, unknown>;
  };
}

type Headers = Record<string, string>;

/** A buyer of the asynchronous purchase. Calls reject when the connection breaks. */
export class TicketClient {
  private readonly agent = new Agent({ connections: 256, pipelining: 1 });

  constructor(private readonly url: () => string) {}

  async post(body: unknown, headers: Headers = {}): Promise<TicketAnswer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.call(
      'POST',
      '/api/v1/seckill/purchase/async',
      { 'content-type': 'application/json', ...headers },
      text,
    );
  }

  read(ticket: string, headers: Headers = {}): Promise<TicketAnswer> {
    return this.call('GET', `/api/v1/seckill/tickets/${ticket}`, headers);
  }

  /** Polls until the ticket has come to its end. */
  async end(ticket: string, timeoutMs = 15_000): Promise<TicketAnswer['body']> {
    return eventually(
      async () => {
        const { status, body } = await this.read(ticket);
        return status === 200 && body.status !== 'QUEUED' ? body : false;
      },
      { timeoutMs },
    ) as Promise<TicketAnswer['body']>;
  }

  /** The raw text of the event stream so far, and a promise of its end. */
  async events(ticket: string, headers: Headers = {}): Promise<EventStream> {
    const abort = new AbortController();
    const response = await request(`${this.url()}/api/v1/seckill/tickets/${ticket}/events`, {
      headers,
      signal: abort.signal,
      dispatcher: this.agent,
    });
    const stream = {
      status: response.statusCode,
      headers: response.headers,
      text: '',
      ended: Promise.resolve(),
      abort,
    };
    stream.ended = (async () => {
      for await (const chunk of response.body) stream.text += String(chunk);
    })();
    // Whoever aborts it does not wait for its end.
    stream.ended.catch(() => undefined);
    return stream;
  }

  /** Status, headers and text of anything else. */
  async raw(path: string, method: 'GET' | 'HEAD' = 'GET'): Promise<Pick<EventStream, 'status' | 'headers' | 'text'>> {
    const response = await request(`${this.url()}${path}`, { method, dispatcher: this.agent });
    return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }

  private async call(method: 'GET' | 'POST', path: string, headers: Headers, body?: string): Promise<TicketAnswer> {
    const response = await request(`${this.url()}${path}`, {
      method,
      headers,
      dispatcher: this.agent,
      ...(body === undefined ? {} : { body }),
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      body: (await response.body.json()) as TicketAnswer['body'],
    };
  }
}

export interface EventStream {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  text: string;
  ended: Promise<void>;
  readonly abort: AbortController;
}

export const eventsOf = (stream: EventStream): TicketAnswer['body'][] =>
  [...stream.text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data) as TicketAnswer['body']);

/** Puts a ticket on a queue the way a gateway does that dies right after: on no list, and nobody is told. */
export async function strandedTicket(
  redis: ClaimRedis,
  runId: string,
  activityId: ActivityId,
  user: number,
  maxWaitMs = 60_000,
): Promise<string> {
  const newId = (): string => encodeClaimId(Date.now(), randomBytes(10));
  const result = await new TicketQueue(redis).enqueue(
    activityId,
    runId,
    {
      ticketId: newId() as TicketId,
      claimId: newId() as ClaimId,
      userId: String(user) as UserId,
      quantity: 1,
      idempotencyKey: '',
    },
    { maxWaitMs, maxWaiting: 1_000, maxFields: 10_000 },
  );
  if (result.kind !== 'ticket') throw new Error(`no ticket: ${JSON.stringify(result)}`);
  return `${activityId}-${result.ticketId}`;
}
