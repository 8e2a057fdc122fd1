import { systemClock } from '@coupon/service-kit';
import type { ShopDatabase } from '../../adapters/databases';
import { waitForOrder } from './wait-for-order';

/** Every statement ends with this error. */
function shopThat(error: Error): ShopDatabase {
  return { client: { $queryRaw: () => Promise.reject(error) } } as unknown as ShopDatabase;
}

describe('waiting for an order', () => {
  it('ends without an answer when the database has gone, and not with an error', async () => {
    const gone = Object.assign(new Error('the socket was closed'), { errno: 45_038, sqlState: '08S01' });
    const waited = waitForOrder({ shop: shopThat(gone), clock: systemClock }, 'o-1', { timeoutMs: 1_000 });
    await expect(waited).resolves.toBeUndefined();
  });

  it('passes on what is no fault of the database', async () => {
    const waited = waitForOrder({ shop: shopThat(new TypeError('a mistake')), clock: systemClock }, 'o-1', {
      timeoutMs: 1_000,
    });
    await expect(waited).rejects.toThrow('a mistake');
  });
});
