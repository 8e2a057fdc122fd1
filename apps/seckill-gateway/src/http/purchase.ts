import { AppError, InvalidArgumentError } from '@coupon/domain';
import { requireActsFor } from '@coupon/service-kit';
import type { Authenticator, Credentials, Identity } from '@coupon/service-kit';
import type { ClaimCommand, ClaimReceiver, ClaimTaker } from '../use-cases/claim-answer';
import { parsePurchase } from './purchase-request';

export const PURCHASE_PATH = '/api/v1/seckill/purchase';

export interface PurchaseDependencies {
  readonly desk: ClaimTaker;
  readonly authenticator: Authenticator;
  /** Set when nobody is authenticated (mode none): saves a promise per request. */
  readonly anybody: Identity | null;
}

/** A purchase as it arrived, whoever has read it: the fast lane, node:http or Express. */
export interface PurchaseInput {
  readonly contentType: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** The body's text, or what a JSON parser made of it already. */
  readonly body: { readonly text: string } | { readonly json: unknown };
  /** Where the buyer calls from, for the limit per address. */
  readonly address: string;
  /** Asked for only when somebody has to be authenticated. */
  readonly credentials: () => Credentials;
}

/** Gets the answer, or the error to answer with; exactly one call. */
export interface PurchaseReceiver extends ClaimReceiver {
  failed(error: unknown): void;
}

/** The one purchase behind every way to ask for it. Never throws. */
export function purchase(deps: PurchaseDependencies, input: PurchaseInput, receiver: PurchaseReceiver): void {
  let command: ClaimCommand;
  try {
    command = parsePurchase(readBody(input), input.idempotencyKey, input.address);
  } catch (error) {
    receiver.failed(error);
    return;
  }
  if (deps.anybody !== null) {
    deps.desk.claim(command, receiver);
    return;
  }
  deps.authenticator.authenticate(input.credentials()).then(
    (identity) => {
      try {
        requireActsFor(identity, command.userId);
      } catch (error) {
        receiver.failed(error);
        return;
      }
      deps.desk.claim(command, receiver);
    },
    (error: unknown) => {
      receiver.failed(error);
    },
  );
}

function readBody({ contentType, body }: PurchaseInput): unknown {
  if ('json' in body) return body.json;
  if (contentType !== undefined && !/^application\/json\s*(?:;|$)/i.test(contentType)) {
    throw InvalidArgumentError.of('Content-Type', 'must be application/json');
  }
  if (body.text === '') throw InvalidArgumentError.of('body', 'is required');
  try {
    return JSON.parse(body.text);
  } catch (cause) {
    throw new AppError('INVALID_ARGUMENT', 'body: is not valid JSON', { details: { field: 'body' }, cause });
  }
}
