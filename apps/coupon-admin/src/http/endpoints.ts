import { requireActsFor, requireMayRead } from '@coupon/service-kit';
import type { Clock } from '@coupon/service-kit';
import { validate } from '@coupon/service-kit';
import { addStock } from '../use-cases/activities/add-stock.use-case';
import { commandActivity } from '../use-cases/activities/command-activity.use-case';
import type { ActivityDeps } from '../use-cases/activities/command-activity.use-case';
import { createActivity } from '../use-cases/activities/create-activity.use-case';
import { getActivity, listActivities } from '../use-cases/activities/read-activities.use-case';
import { updateActivity } from '../use-cases/activities/update-activity.use-case';
import { claimCoupon } from '../use-cases/coupons/claim-coupon.use-case';
import { grantCoupons } from '../use-cases/coupons/grant-coupons.use-case';
import { countUserCoupons, listUserCoupons, readCouponHistory } from '../use-cases/coupons/read-user-coupons.use-case';
import { releaseClaim } from '../use-cases/coupons/release-claim.use-case';
import type { ReleaseDeps } from '../use-cases/coupons/release-claim.use-case';
import { getReconciliation } from '../use-cases/get-reconciliation.use-case';
import { changeFlowSettings } from '../use-cases/flow-settings/change-flow-settings.use-case';
import type { FlowSettingsDeps } from '../use-cases/flow-settings/change-flow-settings.use-case';
import { readFlowSettings } from '../use-cases/flow-settings/read-flow-settings.use-case';
import { listAudit } from '../use-cases/list-audit.use-case';
import type { DisplayReads } from '../use-cases/display-reads';
import type { ReadReconciliation } from '../use-cases/ports';
import { createTemplate } from '../use-cases/templates/create-template.use-case';
import { moveTemplate } from '../use-cases/templates/move-template.use-case';
import { getTemplate, listTemplates } from '../use-cases/templates/read-templates.use-case';
import { updateTemplate } from '../use-cases/templates/update-template.use-case';
import {
  activitySchema,
  auditSchema,
  claimedSchema,
  conservationSchema,
  couponCountsSchema,
  couponHistorySchema,
  flowSettingsSchema,
  grantedSchema,
  pageSchema,
  releasedSchema,
  systemStatsSchema,
  templateSchema,
  userCouponSchema,
} from '../use-cases/views/schemas';
import type { SystemStatsView } from '../use-cases/views/schemas';
import { discountEndpoints } from './discount-endpoints';
import { endpoint } from './endpoint';
import type { Endpoint } from './endpoint';
import * as requests from './requests';

/** What the use cases need, for every way in. */
export interface UseCaseDeps extends ActivityDeps, ReleaseDeps, FlowSettingsDeps {
  readonly clock: Clock;
  readonly readReconciliation: ReadReconciliation;
  readonly reads: DisplayReads;
  readonly systemStats: () => SystemStatsView;
}

/** Every route of the interface under /api/v1. */
export function adminEndpoints(deps: UseCaseDeps): Endpoint[] {
  return [
    ...templateEndpoints(deps),
    ...activityEndpoints(deps),
    ...couponEndpoints(deps),
    ...discountEndpoints(deps),
    ...operatorEndpoints(deps),
    ...flowSettingsEndpoints(deps),
  ];
}

function templateEndpoints(deps: UseCaseDeps): Endpoint[] {
  const base = '/api/v1/coupon-templates';
  const move = (to: 'published' | 'disabled', verb: string): Endpoint =>
    endpoint({
      method: 'post',
      path: `${base}/:id/${verb}`,
      summary: `Makes a template ${to}`,
      role: 'operator',
      body: requests.moveTemplateBody,
      answer: templateSchema,
      codes: ['NOT_FOUND', 'CONFLICT'],
      handle: ({ body, id, write }) =>
        moveTemplate(deps, write(`template.${verb}`), { id: id('id'), to, version: body.version }),
    });
  return [
    endpoint({
      method: 'post',
      path: base,
      summary: 'Creates a template; a draft unless status is 1',
      role: 'operator',
      body: requests.createTemplateBody,
      answer: templateSchema,
      status: 201,
      handle: ({ body, write }) => createTemplate(deps, write('template.create'), body),
    }),
    endpoint({
      method: 'get',
      path: base,
      summary: 'Templates, newest first',
      role: 'user',
      query: requests.listTemplatesQuery,
      answer: pageSchema(templateSchema),
      handle: ({ query }) => listTemplates(deps, query),
    }),
    endpoint({
      method: 'get',
      path: `${base}/:id`,
      summary: 'One template',
      role: 'user',
      answer: templateSchema,
      codes: ['NOT_FOUND'],
      handle: ({ id, onStale }) => getTemplate(deps, id('id'), onStale),
    }),
    endpoint({
      method: 'patch',
      path: `${base}/:id`,
      summary: 'Changes the fields given; money fields are frozen once published',
      role: 'operator',
      body: requests.updateTemplateBody,
      answer: templateSchema,
      codes: ['NOT_FOUND', 'CONFLICT'],
      handle: ({ body, id, write }) => updateTemplate(deps, write('template.update'), { id: id('id'), ...body }),
    }),
    move('published', 'publish'),
    move('disabled', 'disable'),
  ];
}

function activityEndpoints(deps: UseCaseDeps): Endpoint[] {
  const base = '/api/v1/flash-sales';
  const command = (move: 'start' | 'pause' | 'resume' | 'end', summary: string): Endpoint =>
    endpoint({
      method: 'post',
      path: `${base}/:id/${move}`,
      summary,
      role: 'operator',
      body: requests.emptyBody,
      answer: activitySchema,
      codes: ['ACTIVITY_NOT_FOUND', 'CONFLICT', 'OUTCOME_UNKNOWN'],
      handle: ({ id, write }) => commandActivity(deps, write(`flash_sale.${move}`), { id: id('id'), move }),
    });
  return [
    endpoint({
      method: 'post',
      path: base,
      summary: 'Creates an activity of a published template and takes its units out of the template',
      role: 'operator',
      body: requests.createActivityBody,
      answer: activitySchema,
      status: 201,
      codes: ['NOT_FOUND', 'CONFLICT'],
      handle: ({ body, write }) => createActivity(deps, write('flash_sale.create'), body),
    }),
    endpoint({
      method: 'get',
      path: base,
      summary: 'Activities, newest first',
      role: 'user',
      query: requests.listActivitiesQuery,
      answer: pageSchema(activitySchema),
      handle: ({ query }) => listActivities(deps, query),
    }),
    endpoint({
      method: 'get',
      path: `${base}/:id`,
      summary: 'One activity',
      role: 'user',
      answer: activitySchema,
      codes: ['ACTIVITY_NOT_FOUND'],
      handle: ({ id, onStale }) => getActivity(deps, id('id'), onStale),
    }),
    endpoint({
      method: 'patch',
      path: `${base}/:id`,
      summary: 'Changes the fields given; all but the name are frozen once the activity is loaded',
      role: 'operator',
      body: requests.updateActivityBody,
      answer: activitySchema,
      codes: ['ACTIVITY_NOT_FOUND', 'CONFLICT'],
      handle: ({ body, id, write }) => updateActivity(deps, write('flash_sale.update'), { id: id('id'), ...body }),
    }),
    command('start', 'Opens the sale now'),
    command('pause', 'Stops admission until resumed'),
    command('resume', 'Admits again after a pause'),
    command('end', 'Ends the sale for good'),
    endpoint({
      method: 'post',
      path: `${base}/:id/stock`,
      summary: 'Adds units out of the template’s total',
      role: 'operator',
      body: requests.addStockBody,
      answer: activitySchema,
      codes: ['ACTIVITY_NOT_FOUND', 'CONFLICT', 'OUTCOME_UNKNOWN'],
      handle: ({ body, id, write }) => addStock(deps, write('flash_sale.stock'), { id: id('id'), add: body.add }),
    }),
  ];
}

function couponEndpoints(deps: UseCaseDeps): Endpoint[] {
  return [
    endpoint({
      method: 'post',
      path: '/api/v1/coupon-templates/:id/claim',
      summary: 'A user takes a coupon outside a sale',
      role: 'user',
      body: requests.claimCouponBody,
      answer: claimedSchema,
      codes: ['NOT_FOUND', 'SOLD_OUT', 'LIMIT_REACHED', 'ENDED', 'CONFLICT'],
      handle: async ({ body, id, identity, write }) => {
        requireActsFor(identity, body.userId);
        return claimCoupon(deps, write('template.claim'), { couponId: id('id'), ...body });
      },
    }),
    endpoint({
      method: 'post',
      path: '/api/v1/coupon-templates/:id/grant',
      summary: 'An operator gives coupons to a list of users; the answer says who got them',
      role: 'operator',
      body: requests.grantCouponsBody,
      answer: grantedSchema,
      codes: ['NOT_FOUND', 'ENDED', 'CONFLICT'],
      handle: ({ body, id, write }) => grantCoupons(deps, write('template.grant'), { couponId: id('id'), ...body }),
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/users/:id/coupons',
      summary: "A user's coupons, newest first",
      role: 'user',
      query: requests.listUserCouponsQuery,
      answer: pageSchema(userCouponSchema),
      handle: async ({ query, id, identity, onStale }) => {
        const userId = id<'user'>('id');
        requireMayRead(identity, userId);
        return listUserCoupons(deps, { ...query, userId }, onStale);
      },
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/users/:id/coupons/count',
      summary: "A user's coupons counted by status",
      role: 'user',
      answer: couponCountsSchema,
      handle: async ({ id, identity, onStale }) => {
        const userId = id<'user'>('id');
        requireMayRead(identity, userId);
        return countUserCoupons(deps, userId, onStale);
      },
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/users/:id/coupons/:coupon_sn/history',
      summary: 'A coupon and the changes of its status, oldest first, at most the last 500',
      role: 'user',
      answer: couponHistorySchema,
      codes: ['NOT_FOUND'],
      handle: async ({ id, identity, parameter }) => {
        const userId = id<'user'>('id');
        requireMayRead(identity, userId);
        return readCouponHistory(deps, userId, parameter('coupon_sn'));
      },
    }),
  ];
}

function operatorEndpoints(deps: UseCaseDeps): Endpoint[] {
  return [
    endpoint({
      method: 'post',
      path: '/api/v1/claims/:claim_id/release',
      summary: 'Gives the units of an unused claim back',
      role: 'operator',
      body: requests.releaseClaimBody,
      answer: releasedSchema,
      codes: ['NOT_FOUND', 'CONFLICT', 'OUTCOME_UNKNOWN'],
      handle: ({ body, parameter, write }) => {
        const claimId = validate(requests.claimIdParameter, parameter('claim_id'), 'claim_id');
        return releaseClaim(deps, write('claim.release'), { claimId, reason: body.reason });
      },
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/flash-sales/:id/reconciliation',
      summary: 'The conservation report: is every unit accounted for',
      role: 'operator',
      answer: conservationSchema,
      codes: ['ACTIVITY_NOT_FOUND'],
      handle: ({ id }) => getReconciliation(deps, id('id')),
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/audit',
      summary: 'Who changed what, newest first',
      role: 'operator',
      query: requests.listAuditQuery,
      answer: pageSchema(auditSchema),
      handle: ({ query }) => listAudit(deps, query),
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/system/stats',
      summary: 'Of this process: its caches and the delay of its event loop',
      role: 'operator',
      answer: systemStatsSchema,
      handle: () => Promise.resolve(deps.systemStats()),
    }),
  ];
}

function flowSettingsEndpoints(deps: UseCaseDeps): Endpoint[] {
  const path = '/api/v1/flow-settings';
  return [
    endpoint({
      method: 'get',
      path,
      summary: 'The limits that all gateways follow',
      role: 'operator',
      answer: flowSettingsSchema,
      handle: () => readFlowSettings(deps),
    }),
    endpoint({
      method: 'patch',
      path,
      summary: 'Changes the limits given; null brings a default back, "off" switches a limit off. In force within 2 s',
      role: 'operator',
      body: requests.changeFlowSettingsBody,
      answer: flowSettingsSchema,
      codes: ['CONFLICT', 'OUTCOME_UNKNOWN'],
      handle: ({ body, write }) => changeFlowSettings(deps, write('flow_settings.change'), body),
    }),
  ];
}
