import { DtmClient } from '@coupon/saga';
import type { SagaState, SagaStep } from '@coupon/saga';
import { useDtm } from '@coupon/testing';
import { actionAddress, compensationAddress } from '../../../src/branches/branch';
import { BRANCH_SECRET_HEADER } from '../../../src/branches/branch-secret';
import { BRANCHES } from '../../../src/branches/catalogue';
import type { BranchEntry } from '../../../src/branches/catalogue';
import { SECRET, messageOf, useCoupons } from './coupon-fixture';
import type { Command, OrderRequest } from './coupon-fixture';

const UNDOES: Partial<Record<Command, Command>> = { lock: 'unlock', use: 'revert' };

describe('sagas over coupons on a real DTM', () => {
  const dtm = useDtm();
  const fixture = useCoupons({ environment: () => ({ HTTP_HOST: dtm.participantHost }) });

  describe.each(['grpc', 'http'] as const)('over %s', (transport) => {
    let templateId = '';
    beforeAll(async () => {
      templateId = await fixture.template();
    });

    async function run(gid: string, steps: readonly (readonly [Command, OrderRequest])[]): Promise<SagaState> {
      const at = fixture.address(transport);
      const entries = BRANCHES.coupons as unknown as Record<Command, BranchEntry<unknown>>;
      const planned = steps.map(([command, request]): SagaStep<unknown> => {
        const { rpc, json } = entries[command];
        const undo = UNDOES[command];
        return {
          action: actionAddress(at, entries[command]),
          ...(undo === undefined ? {} : { compensate: compensationAddress(at, entries[undo]) }),
          payload: transport === 'grpc' ? rpc.requestSerialize(messageOf(request)) : json.toJSON(messageOf(request)),
        };
      });
      const options = { url: dtm.url, grpcAddress: dtm.grpcAddress, minRetryIntervalS: 1 };
      const client = (
        transport === 'grpc' ? DtmClient.overGrpc(options) : DtmClient.overHttp(options)
      ) as DtmClient<unknown>;
      try {
        const branchHeaders = { [BRANCH_SECRET_HEADER]: SECRET };
        const saga = { gid, steps: planned, options: { waitResult: true, retryIntervalS: 1, branchHeaders } };
        await client.submit(saga);
        return await client.waitForEnd(gid, { timeoutMs: 30_000 });
      } finally {
        client.close();
      }
    }

    it('lock, settle and refund an order', async () => {
      const id = await fixture.coupon(templateId);
      const orderSn = `paid-${transport}`;
      const order = { orderSn, userCouponId: id };
      expect(await run(`checkout-${orderSn}`, [['lock', order]])).toEqual({ kind: 'succeeded' });
      expect(await fixture.row(id)).toMatchObject({ status: 2, order_sn: orderSn });
      expect(await run(`settle-${orderSn}`, [['use', order]])).toEqual({ kind: 'succeeded' });
      expect(await fixture.row(id)).toMatchObject({ status: 3, order_sn: orderSn });
      expect(
        await run(`refund-${orderSn}`, [
          ['revert', order],
          ['unlock', order],
        ]),
      ).toEqual({ kind: 'succeeded' });
      expect(await fixture.transitions(id)).toEqual([
        `1>2 ${orderSn} lock`,
        `2>3 ${orderSn} use`,
        `3>1 ${orderSn} revert`,
      ]);
    });

    it('give everything back when a later step is refused, and say why', async () => {
      const [mine, theirs] = [await fixture.coupon(templateId), await fixture.coupon(templateId, { user_id: '8' })];
      const orderSn = `refused-${transport}`;
      const state = await run(`reacquire-${orderSn}`, [
        ['lock', { orderSn, userCouponId: mine }],
        ['use', { orderSn, userCouponId: mine }],
        ['lock', { orderSn, userCouponId: theirs }],
      ]);
      expect(state).toMatchObject({ kind: 'failed', reason: expect.stringContaining('NOT_OWNED') as string });
      expect(await fixture.row(mine)).toEqual({ status: 1, order_sn: null, used_time: null, lock_expires_at: null });
      expect(await fixture.transitions(mine)).toHaveLength(3);
      expect(await fixture.transitions(theirs)).toEqual([]);
    });
  });
});
