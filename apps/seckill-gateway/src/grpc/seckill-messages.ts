import type { Metadata } from '@grpc/grpc-js';
import { InvalidArgumentError, parseId } from '@coupon/domain';
import type { FlashSaleRequest, FlashSaleResponse } from '@coupon/contracts';
import { requireActsFor, toGrpcError } from '@coupon/service-kit';
import type { Identity } from '@coupon/service-kit';
import type { ClientAddresses } from '../http/client-address';
import { claimMessage, claimRetryAfterMs } from '../http/claim-reply';
import { parseKey, parseQuantity } from '../http/purchase-request';
import { PURCHASE_TOKEN_HEADER } from '../http/purchase-token-route';
import type { ClaimAnswer, ClaimCommand } from '../use-cases/claim-answer';

/** Who sends a claim, known from the call and not from the message. */
export interface ClaimCaller {
  readonly identity: Identity;
  /** `address:port` */
  readonly peer: string;
  readonly purchaseToken: string | undefined;
}

export function purchaseTokenOf(metadata: Metadata): string | undefined {
  const value = metadata.get(PURCHASE_TOKEN_HEADER)[0];
  return typeof value === 'string' ? value : undefined;
}

/** @throws InvalidArgumentError naming the field; PERMISSION_DENIED when the caller may not claim for this user. */
export function parseCommand(
  request: FlashSaleRequest,
  { identity, peer, purchaseToken }: ClaimCaller,
  addresses: ClientAddresses,
): ClaimCommand {
  const command: ClaimCommand = {
    activityId: parseId<'activity'>(request.activityId, 'activity_id'),
    userId: parseId<'user'>(request.userId, 'user_id'),
    quantity: parseQuantity(request.quantity),
    idempotencyKey: request.idempotencyKey === '' ? emptyKey() : parseKey(request.idempotencyKey),
    address: addressOf(request, addresses, peer),
    purchaseToken,
  };
  requireActsFor(identity, command.userId);
  return command;
}

/** `client_ip` is what the caller says about somebody else: believed of a trusted proxy only. `peer` is `address:port`. */
function addressOf({ clientIp }: FlashSaleRequest, addresses: ClientAddresses, peer: string): string {
  const address = peer.slice(0, peer.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  return addresses.of(address === '' ? undefined : address, clientIp === '' ? undefined : clientIp);
}

function emptyKey(): never {
  throw InvalidArgumentError.of('idempotency_key', 'must not be empty when it is present');
}

/** A decided claim; every refusal has its code. */
export function toResponse(answer: ClaimAnswer, requestId: string): FlashSaleResponse {
  if (answer.kind === 'won') {
    return {
      success: true,
      message: claimMessage(answer),
      couponSn: answer.couponSns[0] ?? '',
      remainingCount: String(answer.available),
      claimId: answer.claimId,
      couponSns: [...answer.couponSns],
      replayed: answer.replayed,
      code: 'OK',
      retryAfterMs: 0,
      requestId,
    };
  }
  return {
    ...EMPTY,
    message: claimMessage(answer),
    remainingCount: String(answer.available ?? 0),
    code: answer.code,
    retryAfterMs: claimRetryAfterMs(answer),
    requestId,
  };
}

const EMPTY = { success: false, couponSn: '', claimId: '', couponSns: [], replayed: false };

/** A request that never became a claim, as a message of a stream. */
export function refusal(error: unknown, requestId: string): FlashSaleResponse {
  const { details, metadata } = toGrpcError(error);
  const code = metadata.get('x-error-code')[0];
  return { ...EMPTY, message: details, remainingCount: '0', code: String(code), retryAfterMs: 0, requestId };
}
