import type { FlashSaleResponse } from '@coupon/contracts';
import { callUnary } from '@coupon/service-kit';
import { useGateway } from './fixture';

const gateway = useGateway();

describe('gRPC Seckill', () => {
  test('a business refusal is a message, anything else is a status', async () => {
    const activityId = await gateway.open({ total: 1 });
    expect(await gateway.grpc({ activityId, userId: '1' })).toMatchObject({
      success: true,
      code: 'OK',
      replayed: false,
    });
    expect(await gateway.grpc({ activityId, userId: '1' })).toMatchObject({ success: true, replayed: true });
    expect(await gateway.grpc({ activityId, userId: '2' })).toMatchObject({ success: false, code: 'SOLD_OUT' });
    await expect(gateway.grpc({ activityId, userId: '0' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(gateway.grpc({ activityId, userId: '1', quantity: 0 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { field: 'quantity' },
    });
    await expect(gateway.grpc({ activityId: '987654321987', userId: '1' })).rejects.toMatchObject({
      code: 'NOT_READY',
    });
  });

  test('status of a sale', async () => {
    const activityId = await gateway.open({ total: 3 });
    await gateway.grpc({ activityId, userId: '1' });
    const status = await callUnary(
      gateway.client.getFlashSaleStatus.bind(gateway.client),
      { activityId },
      { deadlineMs: 5_000 },
    );
    expect(status).toMatchObject({
      status: 2,
      statusName: 'running',
      totalCount: '3',
      successCount: '1',
      remainingCount: '2',
    });
  });

  test('a stream answers every message, matched by request_id; one bad claim does not end it', async () => {
    const activityId = await gateway.open({ total: 20 });
    const stream = gateway.client.flashSaleCouponStream();
    const answers: FlashSaleResponse[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      stream.on('data', (answer: FlashSaleResponse) => answers.push(answer));
      stream.on('end', resolve);
      stream.on('error', reject);
    });
    for (let user = 0; user < 30; user += 1) {
      stream.write({ activityId, userId: String(user), clientIp: '', requestId: `r${user}` });
    }
    stream.end();
    await ended;
    expect(new Set(answers.map((answer) => answer.requestId)).size).toBe(30);
    const codes = answers.map((answer) => answer.code);
    expect(codes.filter((code) => code === 'OK')).toHaveLength(20);
    expect(codes.filter((code) => code === 'SOLD_OUT')).toHaveLength(9);
    expect(answers.find((answer) => answer.requestId === 'r0')?.code).toBe('INVALID_ARGUMENT');
  });
});
