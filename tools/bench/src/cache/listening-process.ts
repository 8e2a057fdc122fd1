import { randomUUID } from 'node:crypto';
import { TieredCache } from '@coupon/cache';
import type { UserId } from '@coupon/domain';
import { createPrisma } from '@coupon/persistence';
import { createReadModels } from '@coupon/read-models';
import { machineMs } from './machine-clock';

/** One instance with the caches of a service, as coupon-admin has them. Argument 1: `ListeningSettings` as JSON. */
export interface ListeningSettings {
  readonly name: string;
  readonly mysqlUrl: string;
  readonly amqpUrl: string;
  readonly redisUrl: string;
}

/** `warm`: these users are in L1 when it is answered, what was noted before is forgotten. Without: what was noted. */
export interface ListeningOrder {
  readonly warm?: readonly string[];
}

export interface ListeningAnswer {
  /** By user: when L1 had dropped the list, and the order of the coupon that a reader found afterwards. */
  readonly drops: Readonly<Record<string, { readonly atMs: readonly number[]; readonly order: string | null }>>;
  readonly lapses: number;
  /** Warmed users that L1 holds. */
  readonly held: number;
}

interface Noted {
  readonly atMs: number[];
  order: string | null;
}

const LOGGER = { info: () => undefined, warn: () => undefined, error: () => undefined };
const FRESH_POLL_MS = 20;
const READ_AT_ONCE = 100;

async function main(settings: ListeningSettings): Promise<void> {
  const noted = new Map<string, Noted>();
  const models = createReadModels({
    prisma: createPrisma(settings.mysqlUrl, { poolSize: 5, poolIdle: 1 }),
    settings: {
      amqpUrl: settings.amqpUrl,
      redisUrl: settings.redisUrl,
      l1WeightBytes: 100 * 2 ** 20,
      l1TtlMs: 600_000,
      l2TtlMs: 1_800_000,
      warmUpTemplates: 100,
    },
    name: settings.name,
    newToken: randomUUID,
    logger: LOGGER,
  });
  const readAgain = async (user: string, entry: Noted): Promise<void> => {
    const held = await models.userCoupons.get(user as UserId);
    entry.order = held?.coupons[0]?.orderSn ?? null;
  };
  noteDrops('user-coupons', (user) => {
    const entry = noted.get(user);
    if (entry === undefined) return;
    entry.atMs.push(machineMs());
    setImmediate(() => void readAgain(user, entry));
  });
  for (const component of models.components) await component.start?.();
  const listsOf = (): { hits: number; lapses: number } => {
    const stats = models.stats()?.caches.find(({ name }) => name === 'user-coupons');
    return { hits: stats?.l1.hits ?? 0, lapses: stats?.lapses ?? 0 };
  };
  const warm = async (users: readonly string[]): Promise<number> => {
    noted.clear();
    for (let from = 0; from < users.length; from += READ_AT_ONCE)
      await models.userCoupons.getMany(users.slice(from, from + READ_AT_ONCE) as UserId[]);
    const before = listsOf().hits;
    await models.userCoupons.getMany(users as readonly UserId[]);
    for (const user of users) noted.set(user, { atMs: [], order: null });
    return listsOf().hits - before;
  };
  process.on('message', (order: ListeningOrder) => {
    void (async () => {
      const held = order.warm === undefined ? 0 : await warm(order.warm);
      process.send?.({ drops: Object.fromEntries(noted), lapses: listsOf().lapses, held } satisfies ListeningAnswer);
    })();
  });
  process.on('disconnect', () => process.exit(0));
  while (models.stats()?.bus.fresh !== true) await new Promise((resolve) => setTimeout(resolve, FRESH_POLL_MS));
  process.send?.({ ready: true });
}

/** What is measured stays as it is deployed; the method of all caches of this process tells when it is done. */
function noteDrops(name: string, dropped: (key: string) => void): void {
  const prototype: { drop: (this: TieredCache<never, unknown>, keys: readonly string[], version: string) => void } =
    TieredCache.prototype;
  const { drop } = prototype;
  prototype.drop = function (keys, version) {
    drop.call(this, keys, version);
    if (this.name === name) for (const key of keys) dropped(key);
  };
}

void main(JSON.parse(process.argv[2] ?? '{}') as ListeningSettings);
