import { CouponAdminService } from '@coupon/contracts';
import type {
  CalculateDiscountRequest,
  CreateTemplateRequest,
  DiscountResponse,
  FlashSaleStatusRequest,
  FlashSaleStatusResponse,
  GetTemplateRequest,
  GetUserCouponsRequest,
  GetUserCouponsResponse,
  ListTemplateRequest,
  ListTemplateResponse,
  OrderCouponsRequest,
  OrderCouponsResponse,
  PrewarmFlashSaleRequest,
  StartFlashSaleRequest,
  TemplateResponse,
  UpdateTemplateRequest,
} from '@coupon/contracts';
import { localeOf } from '@coupon/discount';
import type { Locale, Mode } from '@coupon/discount';
import { InvalidArgumentError, parseId } from '@coupon/domain';
import {
  authenticatedUnary,
  grpcService,
  requireActsFor,
  readIdempotencyKey,
  requireMayRead,
  unary,
  validate,
} from '@coupon/service-kit';
import type { AuthenticatedCallContext, Authenticator, GrpcService, Logger } from '@coupon/service-kit';
import type { UseCaseDeps } from '../http/endpoints';
import * as requests from '../http/requests';
import { commandActivity } from '../use-cases/activities/command-activity.use-case';
import { awaitsStart, getStoredActivity } from '../use-cases/activities/read-activities.use-case';
import { listUserCoupons } from '../use-cases/coupons/read-user-coupons.use-case';
import { availableCoupons } from '../use-cases/discounts/available-coupons.use-case';
import { calculateDiscount } from '../use-cases/discounts/calculate-discount.use-case';
import { createTemplate } from '../use-cases/templates/create-template.use-case';
import { getTemplate, listTemplates } from '../use-cases/templates/read-templates.use-case';
import { updateTemplate } from '../use-cases/templates/update-template.use-case';
import { userCouponView } from '../use-cases/views/views';
import type { WriteRequest } from '../use-cases/write';
import { discountMessage, orderBody, refusalMessage } from './discount-messages';
import { activityMessage, couponMessage, createBody, pageQuery, templateMessage, updateBody } from './messages';

export interface CouponAdminServiceDeps extends UseCaseDeps {
  readonly logger: Logger;
  readonly authenticator: Authenticator;
}

/** coupon.v1.CouponAdmin on the same use cases and schemas as the REST interface. */
export function couponAdminService(deps: CouponAdminServiceDeps): GrpcService {
  const operator = { ...deps, role: 'operator' } as const;
  return grpcService(CouponAdminService, {
    createCouponTemplate: authenticatedUnary<CreateTemplateRequest, TemplateResponse>(
      operator,
      async (message, call) => {
        const command = validate(requests.createTemplateBody, createBody(message));
        return templateMessage(await createTemplate(deps, write(call, 'template.create', command), command));
      },
    ),
    updateCouponTemplate: authenticatedUnary<UpdateTemplateRequest, TemplateResponse>(
      operator,
      async (message, call) => {
        const id = parseId<'template'>(message.id, 'id');
        const command = { id, ...validate(requests.updateTemplateBody, updateBody(message)) };
        return templateMessage(await updateTemplate(deps, write(call, 'template.update', command), command));
      },
    ),
    getCouponTemplate: authenticatedUnary<GetTemplateRequest, TemplateResponse>(deps, async (message) =>
      templateMessage(await getTemplate(deps, parseId(message.id, 'id'))),
    ),
    listCouponTemplates: authenticatedUnary<ListTemplateRequest, ListTemplateResponse>(deps, async (message) => {
      const filter = { ...numberText('status', message.status), ...numberText('type', message.type) };
      const query = validate(requests.listTemplatesQuery, { ...pageQuery(message), ...filter }, 'query');
      const page = await listTemplates(deps, query);
      return { templates: page.items.map(templateMessage), nextPageToken: page.next_cursor ?? '' };
    }),
    startFlashSale: authenticatedUnary<StartFlashSaleRequest, FlashSaleStatusResponse>(
      operator,
      async (message, call) => {
        const id = parseId<'activity'>(message.activityId, 'activity_id');
        return activityMessage(
          await commandActivity(deps, write(call, 'flash_sale.start', { id }), { id, move: 'start' }),
        );
      },
    ),
    prewarmFlashSale: authenticatedUnary<PrewarmFlashSaleRequest, FlashSaleStatusResponse>(
      operator,
      async (message, call) => {
        const id = parseId<'activity'>(message.activityId, 'activity_id');
        const request = write(call, 'flash_sale.prewarm', { id });
        return activityMessage(await commandActivity(deps, request, { id, move: 'prewarm' }));
      },
    ),
    // Public: the gateway asks for its callers, and every buyer may know what is on sale. The gateway caches the answer.
    getFlashSale: unary<FlashSaleStatusRequest, FlashSaleStatusResponse>(deps, async (message) => {
      const view = await getStoredActivity(deps, parseId(message.activityId, 'activity_id'));
      return { ...activityMessage(view), awaitsStart: await awaitsStart(deps, view) };
    }),
    getUserCoupons: authenticatedUnary<GetUserCouponsRequest, GetUserCouponsResponse>(deps, async (message, call) => {
      const userId = parseId<'user'>(message.userId, 'user_id');
      requireMayRead(call.identity, userId);
      const filter = { ...pageQuery(message), ...numberText('status', message.status) };
      const page = await listUserCoupons(deps, { ...validate(requests.listUserCouponsQuery, filter, 'query'), userId });
      return { coupons: page.items.map(couponMessage), nextPageToken: page.next_cursor ?? '' };
    }),
    getAvailableCouponsForOrder: authenticatedUnary<OrderCouponsRequest, OrderCouponsResponse>(
      deps,
      async (message, call) => {
        const userId = parseId<'user'>(message.userId, 'user_id');
        requireMayRead(call.identity, userId);
        const { usable, unusable, best, nowMs } = await availableCoupons(deps, { userId, order: orderBody(message) });
        const locale = localeOfCall(call);
        return {
          usable: usable.map((coupon) => couponMessage(userCouponView(coupon, nowMs))),
          unusable: unusable.map((refusal) => refusalMessage(refusal, locale)),
          best: discountMessage(best, locale),
        };
      },
    ),
    calculateDiscount: authenticatedUnary<CalculateDiscountRequest, DiscountResponse>(deps, async (message, call) => {
      const userId = parseId<'user'>(message.userId, 'user_id');
      requireActsFor(call.identity, userId);
      const names = message.couponIds.map((id, index) => parseId(id, `coupon_ids[${index}]`));
      const mode = readMode(message.mode);
      const locale = localeOfCall(call);
      const query = { userId, coupons: { by: 'ids', names }, order: orderBody(message), mode } as const;
      return discountMessage(await calculateDiscount(deps, query, locale), locale);
    }),
  });
}

function readMode(mode: string | undefined): Mode {
  if (mode === undefined) return 'given';
  if (mode === 'given' || mode === 'best') return mode;
  throw InvalidArgumentError.of('mode', 'must be given or best');
}

function localeOfCall({ metadata }: AuthenticatedCallContext): Locale {
  const value = metadata.get('accept-language')[0];
  return localeOf(value === undefined ? undefined : String(value));
}

function write(
  { identity, metadata, requestId }: AuthenticatedCallContext,
  action: string,
  request: unknown,
): WriteRequest {
  const key = metadata.get('idempotency-key')[0];
  return {
    actor: { subject: identity.subject, role: identity.role, requestId },
    action: `grpc.${action}`,
    request,
    idempotencyKey: readIdempotencyKey(key === undefined ? undefined : String(key)),
  };
}

function numberText(name: string, value: number | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: String(value) };
}
