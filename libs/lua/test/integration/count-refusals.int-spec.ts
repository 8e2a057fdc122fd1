import type { ErrorCode } from '@coupon/domain';
import { countRefusals } from '../../src/count-refusals';
import { activityKeys } from '../../src/keys';
import { aClaim, useLua } from './fixture';

const lua = useLua();

test('are added to those the claim script has counted', async () => {
  const { activityId } = await lua.open({ total: 1 });
  await lua.claim(activityId, aClaim(1), aClaim(2), aClaim(3));
  const refused = new Map<ErrorCode, number>([
    ['SOLD_OUT', 5],
    ['OVERLOADED', 7],
  ]);
  expect(await countRefusals(lua.redis, activityId, refused)).toBe(true);
  expect(await countRefusals(lua.redis, activityId, refused)).toBe(true);
  expect(await lua.store.stats(activityId)).toMatchObject({
    claims_accepted: 1,
    'refused:SOLD_OUT': 12,
    'refused:OVERLOADED': 14,
  });
});

test('leave no counters behind for an activity that is not loaded', async () => {
  const { activityId } = lua.definition();
  expect(await countRefusals(lua.redis, activityId, new Map([['SOLD_OUT', 1]]))).toBe(false);
  expect(await lua.redis.exists(activityKeys(activityId).stats)).toBe(0);
});

test.each<[string, Map<string, number>]>([
  ['nothing', new Map()],
  ['none', new Map([['SOLD_OUT', 0]])],
  ['a negative number', new Map([['SOLD_OUT', -1]])],
  ['a fraction', new Map([['SOLD_OUT', 0.5]])],
  ['something that is no code', new Map([['units_accepted', 1]])],
  [
    'one bad one after a good one',
    new Map([
      ['SOLD_OUT', 1],
      ['x', 1],
    ]),
  ],
])('%s is refused before anything is written', async (_name, refused) => {
  const { activityId } = await lua.open();
  await expect(countRefusals(lua.redis, activityId, refused as never)).rejects.toThrow('count-refusals');
  expect(await lua.store.stats(activityId)).toEqual({});
});
