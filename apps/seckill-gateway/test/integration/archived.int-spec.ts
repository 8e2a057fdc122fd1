import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { sendUnaryData } from '@grpc/grpc-js';
import { CouponAdminService } from '@coupon/contracts';
import type { FlashSaleStatusResponse } from '@coupon/contracts';
import { archiveActivity } from '@coupon/lua';
import { callUnary } from '@coupon/service-kit';
import { useGateway } from './fixture';

/** coupon-admin as far as the gateway asks it. */
const admin = new Server();
let port = 0;
const over = new Set<string>();

beforeAll(async () => {
  const getFlashSale = (
    call: { request: { activityId: string } },
    answer: sendUnaryData<FlashSaleStatusResponse>,
  ): void => {
    answer(null, {
      activityId: call.request.activityId,
      status: 3,
      statusName: 'ended',
      totalCount: '10',
      successCount: '1',
      remainingCount: '9',
      startTime: '2026-01-01T00:00:00.000Z',
      endTime: '2026-01-02T00:00:00.000Z',
      over: over.has(call.request.activityId),
    });
  };
  admin.addService({ getFlashSale: CouponAdminService.getFlashSale }, { getFlashSale });
  port = await new Promise((resolve, reject) => {
    admin.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
});
afterAll(() => admin.forceShutdown());
const gateway = useGateway(() => ({ ADMIN_GRPC_ADDRESS: `127.0.0.1:${port}` }));

/** A sale of one win that has ended, and that Redis does not have any more. */
async function gone(): Promise<string> {
  const id = await gateway.open();
  await gateway.buy({ activity_id: id, user_id: 5 });
  await gateway.store.setState(id, { to: 'ended', epoch: 1 });
  await gateway.redis.del(`coupon:outbox:{${id}}`);
  expect(await archiveActivity(gateway.redis, id, 1)).toMatchObject({ kind: 'removed' });
  return id;
}

describe('an activity that is over for good and not in Redis', () => {
  it('answers ENDED to every question about it, and to a claim', async () => {
    const id = await gone();
    over.add(id);
    const answers = [
      await gateway.buy({ activity_id: id, user_id: 5 }),
      await gateway.get(`/api/v1/seckill/stats/${id}`),
      await gateway.get(`/api/v1/seckill/purchased/${id}/5`),
    ];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [409, 'ENDED'],
      [409, 'ENDED'],
      [409, 'ENDED'],
    ]);
    expect(await gateway.grpc({ activityId: id, userId: '5' })).toMatchObject({ success: false, code: 'ENDED' });
    await expect(
      callUnary(gateway.client.getFlashSaleStatus.bind(gateway.client), { activityId: id }, { deadlineMs: 5_000 }),
    ).rejects.toMatchObject({ code: 'ENDED' });
  });

  it('answers NOT_READY as long as it is to be rebuilt: a winner must not be told that it is too late', async () => {
    const id = await gone();
    const answer = await gateway.buy({ activity_id: id, user_id: 5 });
    expect([answer.status, answer.body.code]).toEqual([503, 'NOT_READY']);
  });
});
