import type { ReadModels } from '@coupon/read-models';
import type { AdminDatabase, AdminTables } from '../use-cases/ports';
import { MysqlActivities } from './mysql/mysql-activities';
import { MysqlCoupons } from './mysql/mysql-coupons';
import { MysqlTemplates } from './mysql/mysql-templates';
import { noticingWrites } from './noticed-writes';

type Repository = 'templates' | 'activities' | 'coupons';

/** Methods that change nothing that is cached, or something whose lock was noted. What is not here must be noticed. */
const UNNOTICED: Record<Repository, readonly string[]> = {
  templates: ['get', 'list'],
  activities: ['get', 'list', 'largestLimit', 'onSale', 'dueToLoad', 'dueToStart', 'dueToEnd'],
  coupons: ['countLive', 'list', 'countByStatus', 'history', 'findForDiscount', 'makeVoid', 'restore'],
};
const CLASSES = { templates: MysqlTemplates, activities: MysqlActivities, coupons: MysqlCoupons };

const methods = (Object.keys(CLASSES) as Repository[]).flatMap((repository) =>
  Object.getOwnPropertyNames(CLASSES[repository].prototype)
    // `record` is no method of the port.
    .filter((name) => name !== 'constructor' && name !== 'record')
    .map((name) => [repository, name] as const),
);

/** The keys the caches are told after a transaction that calls one method. */
async function toldBy(repository: Repository, name: string): Promise<string[]> {
  // Whatever a method answers has what a note looks for.
  const result = Object.assign([{ userId: '7' }], { id: '7' });
  const none = { templates: {}, activities: {}, coupons: {} };
  const tables = { ...none, [repository]: { [name]: () => Promise.resolve(result) } } as unknown as AdminTables;
  const told: string[] = [];
  const cache = { changed: (keys: readonly string[]) => void told.push(...keys) };
  const caches = { templates: cache, templateCounts: cache, activities: cache, activityCounts: cache };
  const database = { transaction: (work: (t: AdminTables) => Promise<unknown>) => work(tables) };
  await noticingWrites(
    database as unknown as AdminDatabase,
    { ...caches, userCoupons: cache } as unknown as ReadModels,
  ).transaction(async (t) => {
    const call = (t[repository] as unknown as Record<string, (first: unknown) => Promise<unknown>>)[name];
    await call?.(name === 'insertMany' ? result : '7');
  });
  return told;
}

describe('noticingWrites', () => {
  it.each(methods)(
    '%s.%s: the caches are told of it, unless it changes nothing they hold',
    async (repository, name) => {
      expect((await toldBy(repository, name)).includes('7')).toBe(!UNNOTICED[repository].includes(name));
    },
  );
});
