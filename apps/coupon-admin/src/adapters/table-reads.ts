import type { DisplayReads } from '../use-cases/display-reads';
import type { AdminDatabase } from '../use-cases/ports';

/** Display reads without caches: the tables themselves. */
export function tableReads(database: Pick<AdminDatabase, 'templates' | 'activities'>): DisplayReads {
  return {
    template: (id) => database.templates.get(id),
    activity: (id) => database.activities.get(id),
    coupons: () => Promise.resolve(null),
    withTemplates: () => Promise.resolve(null),
  };
}
