import { pino } from 'pino';
import { createClaimRedis } from '@coupon/lua';
import { useRedisDatabase } from '@coupon/testing';
import { RedisPipelineBoard } from '../../src/adapters/redis-pipeline-board';
import { ObservePipeline, pipelineIsEmpty } from '../../src/use-cases/observe-pipeline.use-case';

const redisDatabase = useRedisDatabase();
let redis: ReturnType<typeof createClaimRedis>;
let board: RedisPipelineBoard;

beforeAll(async () => {
  redis = createClaimRedis(redisDatabase.url);
  await redis.connect();
  board = new RedisPipelineBoard(redis);
});
afterAll(() => redis.disconnect());

function observer(instance: string): ObservePipeline {
  return new ObservePipeline({
    board,
    instance,
    logger: pino({ level: 'silent' }),
    queueReady: () => Promise.resolve(0),
    unacked: () => 0,
    relaying: () => 0,
  });
}

it('invariant 9: workers whose clocks are hours apart agree on what was seen, and when', async () => {
  const clockMs = Date.now;
  const sinceMs = await board.nowMs();
  for (const [instance, offMs] of [
    ['early', -7_200_000],
    ['right', 0],
    ['late', 7_200_000],
  ] as const) {
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => clockMs() + offMs);
    await observer(instance).execute();
    clock.mockRestore();
  }
  const seen = await board.read();
  expect([...seen.keys()].sort()).toEqual(['early', 'late', 'right']);
  expect(pipelineIsEmpty(seen, sinceMs, await board.nowMs())).toBe(true);
  expect(pipelineIsEmpty(seen, (await board.nowMs()) + 1, await board.nowMs())).toBe(false);
});

it('takes what it cannot read for an observation from long ago', async () => {
  await redis.hset('coupon:pipeline', 'broken', 'not JSON');
  expect((await board.read()).get('broken')).toMatchObject({ at_ms: 0 });
});
