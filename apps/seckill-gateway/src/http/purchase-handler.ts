import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, InvalidArgumentError } from '@coupon/domain';
import { errorBodyText, requireActsFor, toErrorReply, unauthenticated } from '@coupon/service-kit';
import type { AuthRefusal, Authenticator, Identity, Logger } from '@coupon/service-kit';
import type { ClaimAnswer, ClaimCommand, ClaimDesk } from '../use-cases/claim-coupon.use-case';
import { claimError, wonBody } from './claim-reply';
import { parsePurchase } from './purchase-request';
import { PURCHASE_TOKEN_HEADER } from './purchase-token-route';

export const PURCHASE_PATH = '/api/v1/seckill/purchase';

/** Larger bodies are refused before they are read to the end. */
const MAX_BODY_BYTES = 16 * 1024;

export interface PurchaseDependencies {
  readonly desk: Pick<ClaimDesk, 'claim'>;
  readonly authenticator: Authenticator;
  /** Set when nobody is authenticated (mode none): saves a promise per request. */
  readonly anybody: Identity | null;
  readonly logger: Logger;
}

export function isPurchase(request: IncomingMessage): boolean {
  if (request.method !== 'POST' || request.url === undefined) return false;
  return request.url === PURCHASE_PATH || request.url.startsWith(`${PURCHASE_PATH}?`);
}

/** The hot route on plain node:http: Express in front of it would halve its rate. */
export function purchaseHandler(
  deps: PurchaseDependencies,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const length = Number(request.headers['content-length'] ?? 0);
    if (length > MAX_BODY_BYTES) {
      refuseBody(request, response);
      return;
    }
    let body: Buffer | undefined;
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) {
        request.removeAllListeners('data');
        refuseBody(request, response);
        return;
      }
      body = body === undefined ? chunk : Buffer.concat([body, chunk]);
    });
    request.on('end', () => {
      if (size <= MAX_BODY_BYTES) {
        purchase(deps, request, response, () => {
          requireJson(request);
          return parseJson(body);
        });
      }
    });
  };
}

/** Claims for a request whose body is read; `readBody` may throw the error to answer with. */
export function purchase(
  deps: PurchaseDependencies,
  request: IncomingMessage,
  response: ServerResponse,
  readBody: () => unknown,
): void {
  let command: ClaimCommand;
  try {
    command = parsePurchase(readBody(), headerOf(request, 'idempotency-key'), headerOf(request, PURCHASE_TOKEN_HEADER));
  } catch (error) {
    sendError(response, error, deps.logger);
    return;
  }
  const done = (answer: ClaimAnswer): void => {
    sendAnswer(response, answer, deps.logger);
  };
  const caller = deps.anybody ?? deps.authenticator.authenticateNow(request.headers.authorization);
  if (caller !== undefined) {
    try {
      requireActsFor(callerOf(caller), command.userId);
    } catch (error) {
      sendError(response, error, deps.logger);
      return;
    }
    deps.desk.claim(command, done);
    return;
  }
  deps.authenticator
    .authenticate({
      authorization: request.headers.authorization,
      peerAddress: request.socket.remoteAddress,
      header: (name) => headerOf(request, name),
    })
    .then((identity) => {
      requireActsFor(identity, command.userId);
      deps.desk.claim(command, done);
    })
    .catch((error: unknown) => {
      sendError(response, error, deps.logger);
    });
}

function callerOf(caller: Identity | AuthRefusal): Identity {
  if (typeof caller === 'string') throw unauthenticated(caller);
  return caller;
}

function requireJson(request: IncomingMessage): void {
  const type = request.headers['content-type'];
  if (type !== undefined && !/^application\/json\s*(?:;|$)/i.test(type)) {
    throw InvalidArgumentError.of('Content-Type', 'must be application/json');
  }
}

function parseJson(body: Buffer | undefined): unknown {
  if (body === undefined) throw InvalidArgumentError.of('body', 'is required');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new AppError('INVALID_ARGUMENT', 'body: is not valid JSON', { details: { field: 'body' }, cause });
  }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function sendAnswer(response: ServerResponse, answer: ClaimAnswer, logger: Logger): void {
  if (answer.kind === 'refused') {
    sendError(response, claimError(answer), logger);
    return;
  }
  send(response, 200, {}, wonBody(answer));
}

function sendError(response: ServerResponse, error: unknown, logger: Logger): void {
  const reply = toErrorReply(error);
  if (reply.unexpected) logger.error({ err: error, route: PURCHASE_PATH }, 'purchase failed');
  send(response, reply.status, reply.headers, errorBodyText(reply.body));
}

function refuseBody(request: IncomingMessage, response: ServerResponse): void {
  const reply = toErrorReply(
    new AppError('PAYLOAD_TOO_LARGE', 'body: is too large', {
      details: { field: 'body', limit_bytes: MAX_BODY_BYTES },
    }),
  );
  // The rest of the body is not worth reading: the answer goes out and the connection ends.
  send(response, reply.status, { Connection: 'close' }, errorBodyText(reply.body));
  request.resume();
}

function send(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body: string): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}
