import { eventually } from '@coupon/testing';
import { useAdmin } from './fixture';

const admin = useAdmin(() => ({ SCHEDULE_INTERVAL_MS: '60000' }));

describe('service', () => {
  it('describes itself', async () => {
    const { body } = await admin.call('GET', '/openapi.json');
    expect(Object.keys(body.paths).sort()).toEqual([
      '/api/v1/audit',
      '/api/v1/claims/{claim_id}/release',
      '/api/v1/coupon-templates',
      '/api/v1/coupon-templates/{id}',
      '/api/v1/coupon-templates/{id}/claim',
      '/api/v1/coupon-templates/{id}/disable',
      '/api/v1/coupon-templates/{id}/grant',
      '/api/v1/coupon-templates/{id}/publish',
      '/api/v1/discounts/calculate',
      '/api/v1/discounts/simulate',
      '/api/v1/flash-sales',
      '/api/v1/flash-sales/{id}',
      '/api/v1/flash-sales/{id}/end',
      '/api/v1/flash-sales/{id}/pause',
      '/api/v1/flash-sales/{id}/reconciliation',
      '/api/v1/flash-sales/{id}/resume',
      '/api/v1/flash-sales/{id}/start',
      '/api/v1/flash-sales/{id}/stock',
      '/api/v1/flow-settings',
      '/api/v1/system/stats',
      '/api/v1/users/{id}/coupons',
      '/api/v1/users/{id}/coupons/available',
      '/api/v1/users/{id}/coupons/count',
      '/api/v1/users/{id}/coupons/{coupon_sn}/history',
    ]);
    const create = body.paths['/api/v1/coupon-templates']?.['post'];
    expect(create?.requestBody.content['application/json']?.schema.required).toEqual(
      expect.arrayContaining(['name', 'type', 'discount_value']),
    );
    const terms = JSON.stringify(create?.requestBody);
    for (const name of ['rule_args', 'tiers', 'buy_quantity']) expect(terms).toContain(`"${name}"`);
    expect(Object.keys(create?.responses ?? {})).toEqual(expect.arrayContaining(['201', '400', '401', '403', '503']));
    expect(JSON.stringify(body).includes('#/$defs')).toBe(false);
  });

  it('is healthy and counts its requests', async () => {
    expect((await admin.call('GET', '/health')).body).toMatchObject({
      status: 'ok',
      checks: { mysql: { status: 'healthy' }, redis: { status: 'healthy' } },
    });
    await eventually(async () => {
      const metrics = await fetch(`http://127.0.0.1:${admin.admin.http.port}/metrics`);
      expect(await metrics.text()).toContain('http_');
    });
  });
});
