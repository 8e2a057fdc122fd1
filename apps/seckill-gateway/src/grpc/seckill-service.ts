import type { Metadata, handleBidiStreamingCall } from '@grpc/grpc-js';
import { BUSINESS_REFUSALS, InvalidArgumentError, parseId } from '@coupon/domain';
import type { ActivityStatusName } from '@coupon/domain';
import { SeckillService } from '@coupon/contracts';
import type {
  FlashSaleRequest,
  FlashSaleResponse,
  FlashSaleStatusRequest,
  FlashSaleStatusResponse,
} from '@coupon/contracts';
import { authenticateCall, authenticatedUnary, grpcService, requireActsFor, toGrpcError } from '@coupon/service-kit';
import type { Authenticator, GrpcService, Identity, Logger } from '@coupon/service-kit';
import type { ActivityStore } from '@coupon/lua';
import { claimError, claimMessage, claimRetryAfterMs } from '../http/claim-reply';
import { parseKey, parseQuantity } from '../http/purchase-request';
import { PURCHASE_TOKEN_HEADER } from '../http/purchase-token-route';
import type { ActivityDirectory } from '../use-cases/activity-directory';
import type { ClaimAnswer, ClaimCommand, ClaimDesk } from '../use-cases/claim-coupon.use-case';
import { loadedSnapshot, statusOf } from '../use-cases/get-activity-stats.use-case';

export interface SeckillDependencies {
  readonly logger: Logger;
  readonly authenticator: Authenticator;
  readonly desk: Pick<ClaimDesk, 'claim'>;
  readonly store: () => Pick<ActivityStore, 'snapshot' | 'stats'>;
  readonly directory: ActivityDirectory;
  /** Aborts when the server takes no new work: open streams are answered to the end and closed then. */
  readonly draining: () => AbortSignal;
}

const STATUS: Record<ActivityStatusName, number> = { pending: 1, running: 2, paused: 2, ended: 3 };

/** The flash sale over gRPC, on the same desk as HTTP. A business refusal is a message; everything else is a status. */
export function seckillService(deps: SeckillDependencies): GrpcService {
  return grpcService(SeckillService, {
    flashSaleCoupon: authenticatedUnary<FlashSaleRequest, FlashSaleResponse>(deps, (request, { identity, metadata }) =>
      claim(deps, request, identity, purchaseTokenOf(metadata)),
    ),
    flashSaleCouponStream: claimStream(deps),
    getFlashSaleStatus: authenticatedUnary<FlashSaleStatusRequest, FlashSaleStatusResponse>(deps, async (request) => {
      const id = parseId<'activity'>(request.activityId, 'activity_id');
      const snapshot = await loadedSnapshot({ store: deps.store(), directory: deps.directory }, id);
      const status = statusOf(snapshot);
      return {
        activityId: id,
        status: STATUS[status],
        statusName: status,
        totalCount: String(snapshot.total),
        successCount: String(snapshot.claimed),
        remainingCount: String(snapshot.available),
        startTime: new Date(snapshot.startMs).toISOString(),
        endTime: new Date(snapshot.endMs).toISOString(),
      };
    }),
  });
}

function claim(
  deps: SeckillDependencies,
  request: FlashSaleRequest,
  identity: Identity,
  purchaseToken: string | undefined,
): Promise<FlashSaleResponse> {
  const command = parseCommand(request, identity, purchaseToken);
  return new Promise((resolve, reject) => {
    deps.desk.claim(command, (answer) => {
      if (answer.kind === 'refused' && !BUSINESS_REFUSALS.has(answer.code)) reject(claimError(answer));
      else resolve(toResponse(answer, request.requestId ?? ''));
    });
  });
}

/** Answers in the order they are known. In a stream a refusal of any kind is a message: one bad claim must not end the others. */
function claimStream(deps: SeckillDependencies): handleBidiStreamingCall<FlashSaleRequest, FlashSaleResponse> {
  return (call) => {
    let open = 0;
    let ended = false;
    const finish = (): void => {
      if (ended && open === 0) call.end();
    };
    const answer = (response: FlashSaleResponse): void => {
      open -= 1;
      if (!call.cancelled) call.write(response);
      finish();
    };
    // Authentication is once per stream; what arrives meanwhile waits in the stream's own buffer.
    call.pause();
    authenticateCall(deps.authenticator, call).then(
      (identity) => {
        // One token for all messages of the stream: it is for one activity and lives shortly.
        const purchaseToken = purchaseTokenOf(call.metadata);
        call.on('data', (request: FlashSaleRequest) => {
          open += 1;
          try {
            const command = parseCommand(request, identity, purchaseToken);
            deps.desk.claim(command, (given) => answer(toResponse(given, request.requestId ?? '')));
          } catch (error) {
            answer(refusal(error, request.requestId ?? ''));
          }
        });
        const stopReading = (): void => {
          ended = true;
          call.removeAllListeners('data');
          finish();
        };
        call.on('end', stopReading);
        deps.draining().addEventListener('abort', stopReading, { once: true });
        call.on('close', () => deps.draining().removeEventListener('abort', stopReading));
        call.resume();
      },
      (error: unknown) => {
        call.emit('error', toGrpcError(error));
      },
    );
  };
}

function purchaseTokenOf(metadata: Metadata): string | undefined {
  const value = metadata.get(PURCHASE_TOKEN_HEADER)[0];
  return typeof value === 'string' ? value : undefined;
}

function parseCommand(request: FlashSaleRequest, identity: Identity, purchaseToken: string | undefined): ClaimCommand {
  const command: ClaimCommand = {
    activityId: parseId<'activity'>(request.activityId, 'activity_id'),
    userId: parseId<'user'>(request.userId, 'user_id'),
    quantity: parseQuantity(request.quantity),
    idempotencyKey: request.idempotencyKey === '' ? emptyKey() : parseKey(request.idempotencyKey),
    purchaseToken,
  };
  requireActsFor(identity, command.userId);
  return command;
}

function emptyKey(): never {
  throw InvalidArgumentError.of('idempotency_key', 'must not be empty when it is present');
}

function toResponse(answer: ClaimAnswer, requestId: string): FlashSaleResponse {
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
    retryAfterMs: claimRetryAfterMs(answer.code),
    requestId,
  };
}

const EMPTY = { success: false, couponSn: '', claimId: '', couponSns: [], replayed: false };

function refusal(error: unknown, requestId: string): FlashSaleResponse {
  const { details, metadata } = toGrpcError(error);
  const code = metadata.get('x-error-code')[0];
  return { ...EMPTY, message: details, remainingCount: '0', code: String(code), retryAfterMs: 0, requestId };
}
