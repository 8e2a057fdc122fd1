import type { FlashSaleResponse } from '@coupon/contracts';
import { eventually } from '@coupon/testing';
import { useGateway } from './fixture';

const gateway = useGateway();

describe('the end of a gateway', () => {
  test('an open stream is answered and closed, and nothing new is taken', async () => {
    const activityId = await gateway.open({ total: 10 });
    const stream = gateway.client.flashSaleCouponStream();
    const answers: FlashSaleResponse[] = [];
    const ended = new Promise<string>((resolve) => {
      stream.on('data', (answer: FlashSaleResponse) => answers.push(answer));
      stream.on('end', () => resolve('end'));
      stream.on('error', (error) => resolve(error.message));
    });
    stream.write({ activityId, userId: '1', clientIp: '', requestId: 'first' });
    await eventually(() => {
      expect(answers).toHaveLength(1);
    });
    const stopped = gateway.gateway.lifecycle.stop('spec');
    expect(await ended).toBe('end');
    expect(await stopped).toBe('STOPPED');
    await expect(gateway.buy({ activity_id: activityId, user_id: 3 })).rejects.toThrow();
  });
});
