import { activityKeys } from '@coupon/lua';
import { eventually, uniqueActivityId } from '@coupon/testing';
import { useGateway } from './fixture';
import type { Answer } from './fixture';

const gateway = useGateway(() => ({
  TRUSTED_PROXIES: '127.0.0.1',
  ADDRESS_RATE_PER_SECOND: '1',
  ADDRESS_BURST: '3',
}));

interface Stats {
  readonly claims_accepted: number;
  readonly refused: Readonly<Record<string, number>>;
}

const stats = async (id: string): Promise<Stats> =>
  (await gateway.get(`/api/v1/seckill/stats/${id}`)).body as unknown as Stats;
const tally = (answers: readonly Answer[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { body } of answers) counts[body.code ?? ''] = (counts[body.code ?? ''] ?? 0) + 1;
  return counts;
};
let users = 0;
const buy = (activity_id: string, address: string): Promise<Answer> =>
  gateway.buy({ activity_id, user_id: (users += 1) }, { 'x-forwarded-for': address });

test('the statistics of an activity come to count every refusal, whoever gave it', async () => {
  const id = await gateway.open({ total: 5 });
  const answers: Answer[] = [];
  for (let round = 0; round < 12; round += 1) {
    const claims = Array.from({ length: 20 }, (_, i) =>
      // One in two from an address that has used up its limit; the others meet what is left of the stock, in Redis or here.
      buy(id, i % 2 === 0 ? '203.0.113.1' : `198.51.${round}.${i}`),
    );
    answers.push(...(await Promise.all(claims)));
  }
  const { OK: accepted, ...refused } = tally(answers);
  expect(accepted).toBe(5);
  expect(refused['RATE_LIMITED']).toBeGreaterThan(100);
  expect(refused['SOLD_OUT']).toBeGreaterThan(100);
  // Some of the sold-out answers have cost no call of the claim script; without them the counter stays behind.
  const byScript = await gateway.store.stats(id);
  expect(byScript['refused:RATE_LIMITED'] ?? 0).toBeLessThan(refused['RATE_LIMITED'] ?? 0);
  await eventually(async () => {
    expect(await stats(id)).toMatchObject({ claims_accepted: accepted, refused });
  });
});

test('an activity that is not loaded gets no counters', async () => {
  const [loaded, unknown] = [await gateway.open({ total: 100 }), uniqueActivityId()];
  for (let i = 0; i < 5; i += 1) await Promise.all([buy(unknown, '203.0.113.7'), buy(loaded, '203.0.113.7')]);
  await eventually(async () => {
    expect((await stats(loaded)).refused['RATE_LIMITED']).toBeGreaterThan(0);
  });
  expect(await gateway.redis.exists(activityKeys(unknown).stats)).toBe(0);
});
