import type { ActivityId } from '@coupon/domain';
import { seededRandom } from '@coupon/testing';
import { newKey, useGateway } from './fixture';

const gateway = useGateway();
const random = seededRandom(20261121);

type Buyer = (activityId: ActivityId, userId: number, quantity: number) => Promise<{ code: string; sns: string[] }>;

const overHttp: Buyer = async (activity_id, user_id, quantity) => {
  const { body } = await gateway.buy({ activity_id, user_id, quantity });
  return { code: body.code ?? '', sns: body.coupon_sns ?? [] };
};

const overGrpc: Buyer = async (activityId, userId, quantity) => {
  const answer = await gateway.grpc({ activityId, userId: String(userId), quantity });
  return { code: answer.code, sns: answer.couponSns };
};

/** All at once, in a random order and with random pauses of a few turns of the event loop between them. */
async function inRandomOrder<T>(tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const shuffled = random.shuffle(tasks);
  return Promise.all(
    shuffled.map(async (task) => {
      for (let turn = random.int(0, 5); turn > 0; turn -= 1) await new Promise((resolve) => setImmediate(resolve));
      return task();
    }),
  );
}

async function sale(
  buyer: Buyer,
  setting: { buyers: number; total: number; limit: number; quantity: number },
): Promise<void> {
  const activityId = await gateway.open({ total: setting.total, perUserLimit: setting.limit });
  const users = Array.from({ length: setting.buyers }, (_, i) => i + 1);
  const answers = await inRandomOrder(users.map((user) => () => buyer(activityId, user, setting.quantity)));
  const won = answers.filter((answer) => answer.code === 'OK');
  const winners = setting.total / setting.quantity;
  expect(won).toHaveLength(winners);
  expect(answers.filter((answer) => answer.code === 'SOLD_OUT')).toHaveLength(setting.buyers - winners);
  expect(new Set(won.flatMap((answer) => answer.sns)).size).toBe(setting.total);
  expect(await gateway.store.snapshot(activityId)).toMatchObject({ available: 0, claimed: setting.total });
}

describe.each([
  ['HTTP', overHttp],
  ['gRPC', overGrpc],
])('100 buyers at once over %s', (_, buyer) => {
  test('10 units: exactly 10 win and 90 are told SOLD_OUT, 50 times', async () => {
    for (let round = 0; round < 50; round += 1) await sale(buyer, { buyers: 100, total: 10, limit: 1, quantity: 1 });
  }, 120_000);

  test('10 units, two each: exactly 5 win and 95 are told SOLD_OUT, 50 times', async () => {
    for (let round = 0; round < 50; round += 1) await sale(buyer, { buyers: 100, total: 10, limit: 2, quantity: 2 });
  }, 120_000);
});

describe('one user clicking 100 times at once', () => {
  const clicks = async (setting: {
    limit: number;
    key: () => string;
  }): Promise<{ codes: string[]; sns: Set<string> }> => {
    const activity_id = await gateway.open({ total: 1_000, perUserLimit: setting.limit });
    const answers = await inRandomOrder(
      Array.from(
        { length: 100 },
        () => () => gateway.buy({ activity_id, user_id: 7 }, { 'idempotency-key': setting.key() }),
      ),
    );
    const sns = new Set(answers.flatMap(({ body }) => body.coupon_sns ?? []));
    expect(await gateway.store.snapshot(activity_id)).toMatchObject({ claimed: sns.size, available: 1_000 - sns.size });
    return { codes: answers.map(({ body }) => body.code ?? ''), sns };
  };

  test('with one key: one unit, and 100 times the same receipt', async () => {
    const { codes, sns } = await clicks({ limit: 3, key: () => 'one-key' });
    expect(sns.size).toBe(1);
    expect(new Set(codes)).toEqual(new Set(['OK']));
  });

  test('with different keys at limit 1: one unit, and 100 times the same receipt', async () => {
    const { codes, sns } = await clicks({ limit: 1, key: newKey });
    expect(sns.size).toBe(1);
    expect(new Set(codes)).toEqual(new Set(['OK']));
  });

  test('with different keys at limit 3: exactly three units, and LIMIT_REACHED for the rest', async () => {
    const { codes, sns } = await clicks({ limit: 3, key: newKey });
    expect(sns.size).toBe(3);
    expect(codes.filter((code) => code === 'OK')).toHaveLength(3);
    expect(codes.filter((code) => code === 'LIMIT_REACHED')).toHaveLength(97);
  });
});
