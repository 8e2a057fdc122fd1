import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '@coupon/domain';
import { errorBodyText, toErrorReply } from '@coupon/service-kit';
import type { Credentials, Logger } from '@coupon/service-kit';
import type { ClaimAnswer } from '../use-cases/claim-answer';
import { claimReply, errorReply } from './claim-reply';
import type { HttpReply } from './claim-reply';
import type { ClientAddresses } from './client-address';
import { PURCHASE_PATH, purchase } from './purchase';
import type { PurchaseDependencies, PurchaseInput, PurchaseReceiver } from './purchase';
import { PURCHASE_TOKEN_HEADER } from './purchase-token-route';

/** Larger bodies are refused before they are read to the end. */
const MAX_BODY_BYTES = 16 * 1024;

export function isPurchase(request: IncomingMessage): boolean {
  if (request.method !== 'POST' || request.url === undefined) return false;
  return request.url === PURCHASE_PATH || request.url.startsWith(`${PURCHASE_PATH}?`);
}

export interface HttpPurchaseDependencies extends PurchaseDependencies {
  readonly addresses: ClientAddresses;
  readonly logger: Logger;
}

/** The hot route on node:http, for requests that the fast lane leaves to it: Express in front of it would halve its rate. */
export function purchaseHandler(
  deps: HttpPurchaseDependencies,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const length = Number(request.headers['content-length'] ?? 0);
    if (length > MAX_BODY_BYTES) {
      refuseBody(request, response);
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) {
        request.removeAllListeners('data');
        refuseBody(request, response);
        return;
      }
      chunks.push(chunk);
    });
    request.on('end', () => {
      if (size > MAX_BODY_BYTES) return;
      const text = Buffer.concat(chunks).toString('utf8');
      purchaseOver(deps, request, response, { text });
    });
  };
}

/** A purchase whose body is read, answered on a node:http response. */
export function purchaseOver(
  deps: HttpPurchaseDependencies,
  request: IncomingMessage,
  response: ServerResponse,
  body: { readonly text: string } | { readonly json: unknown },
): void {
  purchase(deps, purchaseInput(deps.addresses, request, body), new ResponseReceiver(response, deps.logger));
}

/** A purchase as node:http has read it. */
export function purchaseInput(
  addresses: ClientAddresses,
  request: IncomingMessage,
  body: PurchaseInput['body'],
): PurchaseInput {
  return {
    contentType: request.headers['content-type'],
    idempotencyKey: headerOf(request, 'idempotency-key'),
    body,
    address: addresses.of(request.socket.remoteAddress, headerOf(request, 'x-forwarded-for')),
    authorization: request.headers.authorization,
    purchaseToken: headerOf(request, PURCHASE_TOKEN_HEADER),
    credentials: () => credentialsOf(request),
  };
}

class ResponseReceiver implements PurchaseReceiver {
  constructor(
    private readonly response: ServerResponse,
    private readonly logger: Logger,
  ) {}

  answered(answer: ClaimAnswer): void {
    send(this.response, claimReply(answer));
  }

  failed(error: unknown): void {
    send(this.response, errorReply(error, this.logger));
  }
}

function credentialsOf(request: IncomingMessage): Credentials {
  return {
    authorization: request.headers.authorization,
    peerAddress: request.socket.remoteAddress,
    header: (name) => headerOf(request, name),
  };
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function refuseBody(request: IncomingMessage, response: ServerResponse): void {
  const { status, body } = toErrorReply(
    new AppError('PAYLOAD_TOO_LARGE', 'body: is too large', {
      details: { field: 'body', limit_bytes: MAX_BODY_BYTES },
    }),
  );
  // The rest of the body is not worth reading: the answer goes out and the connection ends.
  send(response, { status, headers: { Connection: 'close' }, body: errorBodyText(body) });
  request.resume();
}

export function send(response: ServerResponse, { status, headers, body }: HttpReply): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}
