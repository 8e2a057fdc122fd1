import express, { Router } from 'express';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { readBranchQuery } from './branch-identity';
import type { BranchIdentity, BranchOperation } from './branch-identity';
import { wireCode } from './branch-outcome';
import type { ActionOutcome, CompensationOutcome } from './branch-outcome';

/** Larger payloads do not fit into DTM's tables. */
const BODY_LIMIT_BYTES = 65_536;

/** One branch: `payload` is the parsed JSON of the saga's step, unchecked. */
export type HttpBranch =
  | {
      readonly op: 'action';
      readonly path: string;
      handle(branch: BranchIdentity, payload: unknown): Promise<ActionOutcome>;
    }
  | {
      readonly op: 'compensate';
      readonly path: string;
      handle(branch: BranchIdentity, payload: unknown): Promise<CompensationOutcome>;
    };

export interface HttpBranchesOptions {
  /** A handler threw: the answer is 500 without a word about it, and DTM repeats the call. `branch` is undefined before it is known. */
  readonly onFault: (error: unknown, branch: BranchIdentity | undefined) => void;
}

/**
 * Routes for DTM's HTTP calls: success is 200, a refusal 409, not ready 425, a fault 500, nothing else. All bodies are fixed: DTM takes a
 * body that contains FAILURE or ONGOING for the result, whatever the status. Mount it before middleware that parses or refuses bodies, whose
 * own answers (400, 413) DTM would repeat for ever. A call without DTM's parameters, for the other operation, or with a body that is no JSON
 * is refused.
 */
export function createHttpBranches(branches: readonly HttpBranch[], options: HttpBranchesOptions): Router {
  const router = Router();
  const readBody = express.raw({ type: () => true, limit: BODY_LIMIT_BYTES });
  for (const branch of branches) {
    // The caller's own limit of what it can say in one call; only POST: DTM uses GET for steps without a payload, which no client here makes.
    router.post(branch.path, readBody, answer(branch, options), answerUnreadable(options));
  }
  return router;
}

function answer(route: HttpBranch, { onFault }: HttpBranchesOptions): RequestHandler {
  return (request, response, next) => {
    const reading = readBranchQuery(new URL(request.originalUrl, 'http://branch').searchParams);
    if (reading.kind !== 'branch' || !matches(reading.branch, route.op)) {
      refuse(response, 'INVALID_BRANCH');
      return;
    }
    const { branch } = reading;
    const body = parseBody(request);
    if (body === undefined) {
      refuse(response, 'INVALID_ARGUMENT');
      return;
    }
    const handled = async (): Promise<void> => {
      try {
        send(response, await route.handle(branch, body.payload));
      } catch (error) {
        onFault(error, branch);
        fail(response);
      }
    };
    handled().catch(next);
  };
}

/** The body could not be read: too long for a payload (refused), or the connection broke (nobody is there to hear). */
function answerUnreadable({ onFault }: HttpBranchesOptions): ErrorRequestHandler {
  return (error: unknown, _request, response, _next) => {
    if (isClientError(error)) refuse(response, 'PAYLOAD_TOO_LARGE');
    else {
      onFault(error, undefined);
      fail(response);
    }
  };
}

function send(response: Response, outcome: ActionOutcome): void {
  if (outcome.kind === 'success') reply(response, 200, { dtm_result: 'SUCCESS' });
  else if (outcome.kind === 'refused') refuse(response, outcome.code);
  else reply(response, 425, { dtm_result: 'ONGOING' });
}

/** Short: DTM keeps the body as the reason of the rollback. */
function refuse(response: Response, code: string): void {
  reply(response, 409, { dtm_result: 'FAILURE', code: wireCode(code) });
}

/** Without either of DTM's words. */
function fail(response: Response): void {
  reply(response, 500, { dtm_result: 'ERROR' });
}

function reply(response: Response, status: number, body: object): void {
  if (response.headersSent) return;
  response.status(status).type('application/json').send(JSON.stringify(body));
}

function matches(branch: BranchIdentity, op: BranchOperation): boolean {
  return branch.op === op;
}

function parseBody(request: Request): { readonly payload: unknown } | undefined {
  const body: unknown = request.body;
  // Parsed already by middleware before this router.
  if (!Buffer.isBuffer(body)) return body === undefined ? undefined : { payload: body };
  try {
    return { payload: JSON.parse(body.toString('utf8')) as unknown };
  } catch {
    return undefined;
  }
}

function isClientError(error: unknown): boolean {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status >= 400 && status < 500;
}
