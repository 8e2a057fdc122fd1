import type { ActivityId, TemplateId, UserId } from '@coupon/domain';
import type { ReadModels } from '@coupon/read-models';
import type { AdminDatabase, AdminTables } from '../use-cases/ports';

type Caches = Pick<ReadModels, 'templates' | 'templateCounts' | 'activities' | 'activityCounts' | 'userCoupons'>;

/**
 * The same database, of whose commits the caches of this process are told at once: whoever has written something here reads it here.
 * Everybody else hears of it by the binlog.
 */
export function noticingWrites(database: AdminDatabase, caches: Caches): AdminDatabase {
  return {
    templates: database.templates,
    activities: database.activities,
    coupons: database.coupons,
    operations: database.operations,
    idempotency: database.idempotency,
    audit: database.audit,
    nowMs: () => database.nowMs(),
    transaction: async (work) => {
      const written = new Written();
      try {
        return await database.transaction((tables) => work(recording(tables, written)));
      } finally {
        // Also after an error: a commit whose connection broke may have happened.
        written.tell(caches);
      }
    },
  };
}

/** What a transaction has written, or locked in order to write it. */
class Written {
  readonly templates = new Set<TemplateId>();
  readonly activities = new Set<ActivityId>();
  readonly users = new Set<UserId>();

  tell(caches: Caches): void {
    caches.templates.changed([...this.templates]);
    caches.templateCounts.changed([...this.templates]);
    caches.activities.changed([...this.activities]);
    caches.activityCounts.changed([...this.activities]);
    caches.userCoupons.changed([...this.users]);
  }
}

function recording(tables: AdminTables, written: Written): AdminTables {
  const template = (id: TemplateId): unknown => written.templates.add(id);
  const activity = (id: ActivityId): unknown => written.activities.add(id);
  const { operations, idempotency, audit } = tables;
  return {
    nowMs: () => tables.nowMs(),
    templates: noting(tables.templates, {
      insert: (_args, { id }) => template(id),
      lock: ([id]) => template(id),
      update: ([id]) => template(id),
      allocate: ([id]) => template(id),
      giveBack: ([id]) => template(id),
      get: READS,
      list: READS,
    }),
    activities: noting(tables.activities, {
      insert: (_args, { id }) => activity(id),
      lock: ([id]) => activity(id),
      update: ([id]) => activity(id),
      watchAgain: ([id]) => activity(id),
      get: READS,
      list: READS,
      largestLimit: READS,
      onSale: READS,
      dueToLoad: READS,
      dueToStart: READS,
      dueToEnd: READS,
    }),
    coupons: noting(tables.coupons, {
      insertMany: ([rows]) => rows.forEach(({ userId }) => written.users.add(userId)),
      lockClaim: (_args, rows) => rows.forEach(({ userId }) => written.users.add(userId)),
      makeVoid: NOTED_WITH_ITS_LOCK,
      restore: NOTED_WITH_ITS_LOCK,
      countLive: READS,
      list: READS,
      countByStatus: READS,
      history: READS,
      findForDiscount: READS,
    }),
    // Nothing of these is cached.
    operations,
    idempotency,
    audit,
  };
}

/** Changes nothing that is cached. */
const READS = 'reads';
/** Whoever makes coupons void or restores them has locked their claim. */
const NOTED_WITH_ITS_LOCK = 'noted with its lock';

type Method = (...args: never[]) => Promise<unknown>;
/** A decision for every method, so that one that is added cannot be forgotten. */
type Notes<Repository> = {
  readonly [Name in keyof Repository]: Repository[Name] extends Method
    ? | ((args: Parameters<Repository[Name]>, result: Awaited<ReturnType<Repository[Name]>>) => unknown)
      | typeof READS
      | typeof NOTED_WITH_ITS_LOCK
    : never;
};

/** The same repository; a method with a note takes it when it has succeeded. */
function noting<Repository extends object>(repository: Repository, notes: Notes<Repository>): Repository {
  return new Proxy(repository, {
    get: (target, name, receiver) => {
      const member: unknown = Reflect.get(target, name, receiver);
      const note = (notes as Record<PropertyKey, ((args: unknown[], result: unknown) => unknown) | string | undefined>)[
        name
      ];
      if (typeof member !== 'function') return member;
      if (typeof note !== 'function') return member.bind(target) as unknown;
      return async (...args: unknown[]) => {
        const result = await (Reflect.apply(member, target, args) as Promise<unknown>);
        note(args, result);
        return result;
      };
    },
  });
}
