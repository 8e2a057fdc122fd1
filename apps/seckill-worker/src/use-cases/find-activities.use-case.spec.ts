import { pino } from 'pino';
import type { ActivityId } from '@coupon/domain';
import { FindActivities } from './find-activities.use-case';

const ids = (...texts: string[]): ActivityId[] => texts as ActivityId[];

describe('FindActivities', () => {
  it('knows what either source knows, and forgets nothing while a source is away', async () => {
    let redisIsAway = false;
    const finder = new FindActivities(
      {
        registered: async () => {
          if (redisIsAway) throw new Error('away');
          return ids('1', '2');
        },
        undrained: async () => ids('2', '3'),
      },
      pino({ level: 'silent' }),
    );
    expect(await finder.refreshRegistered()).toEqual(['1', '2']);
    expect(await finder.refreshUndrained()).toEqual(['1', '2', '3']);
    redisIsAway = true;
    expect(await finder.refreshRegistered()).toEqual(['1', '2', '3']);
  });
});
