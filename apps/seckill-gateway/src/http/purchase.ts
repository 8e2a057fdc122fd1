import { AppError, InvalidArgumentError } from '@coupon/domain';
import { requireActsFor, unauthenticated } from '@coupon/service-kit';
import type { AuthRefusal, Authenticator, Credentials, Identity } from '@coupon/service-kit';
import type { ClaimCommand, ClaimReceiver, ClaimTaker } from '../use-cases/claim-answer';
import { parsePurchase } from './purchase-request';

export const PURCHASE_PATH = '/api/v1/seckill/purchase';

export interface PurchaseDependencies<R extends PurchaseReceiver = PurchaseReceiver> {
  readonly desk: ClaimTaker<R>;
  readonly authenticator: Authenticator;
}

/** A purchase as it arrived, whoever has read it: the fast lane, node:http or Express. */
export interface PurchaseInput {
  readonly contentType: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** The body's text, or what a JSON parser made of it already. */
  readonly body: { readonly text: string } | { readonly json: unknown };
  /** Where the buyer calls from, for the limit per address. */
  readonly address: string;
  readonly authorization: string | undefined;
  /** Of an activity with a hidden path. */
  readonly purchaseToken: string | undefined;
  /** Asked for only when the Authorization header alone does not tell who it is. */
  readonly credentials: () => Credentials;
}

/** Gets the answer, or the error to answer with; exactly one call. */
export interface PurchaseReceiver extends ClaimReceiver {
  failed(error: unknown): void;
}

/** The one purchase behind every way to ask for it. Never throws. */
export function purchase<R extends PurchaseReceiver>(
  deps: PurchaseDependencies<R>,
  input: PurchaseInput,
  receiver: R,
): void {
  let command: ClaimCommand;
  try {
    command = parsePurchase(readBody(input), input.idempotencyKey, input.address, input.purchaseToken);
  } catch (error) {
    receiver.failed(error);
    return;
  }
  // A promise per request costs more than a known token.
  const caller = deps.authenticator.authenticateNow(input.authorization);
  if (caller !== undefined) {
    claimAs(deps, caller, command, receiver);
    return;
  }
  deps.authenticator.authenticate(input.credentials()).then(
    (identity) => {
      claimAs(deps, identity, command, receiver);
    },
    (error: unknown) => {
      receiver.failed(error);
    },
  );
}

function claimAs<R extends PurchaseReceiver>(
  deps: PurchaseDependencies<R>,
  caller: Identity | AuthRefusal,
  command: ClaimCommand,
  receiver: R,
): void {
  try {
    if (typeof caller === 'string') throw unauthenticated(caller);
    requireActsFor(caller, command.userId);
  } catch (error) {
    receiver.failed(error);
    return;
  }
  deps.desk.claim(command, receiver);
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
