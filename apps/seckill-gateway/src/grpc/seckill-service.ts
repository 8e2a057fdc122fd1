import { BUSINESS_REFUSALS, parseId } from '@coupon/domain';
import type { ActivityStatusName } from '@coupon/domain';
import { SeckillService } from '@coupon/contracts';
import type {
  FlashSaleRequest,
  FlashSaleResponse,
  FlashSaleStatusRequest,
  FlashSaleStatusResponse,
} from '@coupon/contracts';
import { authenticatedUnary, grpcService } from '@coupon/service-kit';
import type { GrpcService, Logger } from '@coupon/service-kit';
import type { ActivityStore } from '@coupon/lua';
import { claimError } from '../http/claim-reply';
import type { ActivityDirectory } from '../use-cases/activity-directory';
import { loadedSnapshot, statusOf } from '../use-cases/get-activity-stats.use-case';
import { claimStream } from './claim-stream';
import type { ClaimStreamDependencies } from './claim-stream';
import { parseCommand, purchaseTokenOf, toResponse } from './seckill-messages';
import type { ClaimCaller } from './seckill-messages';

export interface SeckillDependencies extends ClaimStreamDependencies {
  readonly logger: Logger;
  readonly store: () => Pick<ActivityStore, 'snapshot' | 'stats'>;
  readonly directory: ActivityDirectory;
}

const STATUS: Record<ActivityStatusName, number> = { pending: 1, running: 2, paused: 2, ended: 3 };

/** The flash sale over gRPC, on the same desk as HTTP. A business refusal is a message; everything else is a status. */
export function seckillService(deps: SeckillDependencies): GrpcService {
  return grpcService(SeckillService, {
    flashSaleCoupon: authenticatedUnary<FlashSaleRequest, FlashSaleResponse>(deps, (request, call) =>
      claim(deps, request, { ...call, purchaseToken: purchaseTokenOf(call.metadata) }),
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

function claim(deps: SeckillDependencies, request: FlashSaleRequest, caller: ClaimCaller): Promise<FlashSaleResponse> {
  const command = parseCommand(request, caller, deps.addresses);
  return new Promise((resolve, reject) => {
    deps.desk.claim(command, {
      answered: (answer) => {
        if (answer.kind === 'refused' && !BUSINESS_REFUSALS.has(answer.code)) reject(claimError(answer));
        else resolve(toResponse(answer, request.requestId ?? ''));
      },
    });
  });
}
