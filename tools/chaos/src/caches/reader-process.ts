import { randomUUID } from 'node:crypto';
import type { ActivityId, TemplateId, UserId } from '@coupon/domain';
import { createPrisma } from '@coupon/persistence';
import { createReadModels } from '@coupon/read-models';
import type { ReadModels } from '@coupon/read-models';
import { seededRandom } from '@coupon/testing';
import type { SeededRandom } from '@coupon/testing';
import { machineMs } from './machine-clock';

/** An instance of a service with its caches, all of whose reads are told. Argument 1: `ReaderSettings` as JSON. */
export interface ReaderSettings {
  readonly name: string;
  readonly mysqlUrl: string;
  readonly amqpUrl: string;
  readonly redisUrl: string;
  readonly l1TtlMs: number;
  readonly l2TtlMs: number;
  /** By cache, as in the keys of the ledger. */
  readonly keys: Readonly<Record<string, readonly number[]>>;
  readonly seed: number;
}

/** Key, version, when the read began, whether the answer was marked as the last one known. */
export type ToldRead = readonly [key: string, version: number, beganMs: number, marked: boolean];

export interface ReaderReport {
  readonly reads: readonly ToldRead[];
  /** Reads that were answered with an error. */
  readonly failed: number;
  readonly fresh: boolean;
  /** Of all caches since the start. */
  readonly levels: {
    readonly l1: number;
    readonly l2: number;
    readonly loads: number;
    readonly bypassed: number;
    readonly lapses: number;
  };
}

type VersionReader = (models: ReadModels, ids: readonly number[], onStale: () => void) => Promise<number[]>;

/** Less than what there is to keep, so that some of it has to go. */
const L1_WEIGHT_BYTES = 150_000;
const LOOPS = 4;
const LONGEST_PAUSE_MS = 20;
const MOST_KEYS_TOGETHER = 8;
const TELL_MS = 200;
const LOGGER = { info: () => undefined, warn: () => undefined, error: () => undefined };

const READERS: Readonly<Record<string, VersionReader>> = {
  template: async ({ templates }, ids, onStale) =>
    (await templates.getMany(ids.map(String) as TemplateId[], onStale)).map((terms) => terms?.version ?? 0),
  'template-counts': async ({ templateCounts }, ids, onStale) =>
    (await templateCounts.getMany(ids.map(String) as TemplateId[], onStale)).map((counts) => counts?.usedCount ?? 0),
  sale: async ({ activities }, ids, onStale) =>
    (await activities.getMany(ids.map(String) as ActivityId[], onStale)).map((terms) => terms?.version ?? 0),
  'sale-counts': async ({ activityCounts }, ids, onStale) =>
    (await activityCounts.getMany(ids.map(String) as ActivityId[], onStale)).map((counts) => counts?.successCount ?? 0),
  'user-coupons': async ({ userCoupons }, ids, onStale) =>
    (await userCoupons.getMany(ids.map(String) as UserId[], onStale)).map((held) =>
      Number(held?.coupons[0]?.orderSn?.slice(1) ?? 0),
    ),
};

class Reader {
  private reads: ToldRead[] = [];
  private failed = 0;

  constructor(
    private readonly models: ReadModels,
    private readonly settings: ReaderSettings,
    private readonly random: SeededRandom,
  ) {}

  start(): void {
    for (let loop = 0; loop < LOOPS; loop += 1) void this.readOn();
    setInterval(() => process.send?.(this.report()), TELL_MS);
  }

  private async readOn(): Promise<never> {
    const { random } = this;
    for (;;) {
      await this.readSome();
      await new Promise((resolve) => setTimeout(resolve, random.int(0, LONGEST_PAUSE_MS)));
    }
  }

  private async readSome(): Promise<void> {
    const { random, settings } = this;
    const [cache, ids] = random.pick(Object.entries(settings.keys));
    const count = random.next() < 0.2 ? random.int(2, MOST_KEYS_TOGETHER) : 1;
    const chosen = Array.from({ length: count }, () => ids[Math.floor(random.next() ** 2 * ids.length)] ?? 0);
    const beganMs = machineMs();
    // Of some keys together, nobody says which one it was.
    let marked = false;
    try {
      const versions = await READERS[cache]?.(this.models, chosen, () => {
        marked = true;
      });
      for (const [index, version] of (versions ?? []).entries())
        this.reads.push([`${cache}:${chosen[index]}`, version, beganMs, marked]);
    } catch {
      // The database is away and nothing is known of the key.
      this.failed += 1;
    }
  }

  private report(): ReaderReport {
    const { reads, failed } = this;
    this.reads = [];
    this.failed = 0;
    const stats = this.models.stats();
    const sum = (of: (cache: NonNullable<typeof stats>['caches'][number]) => number): number =>
      (stats?.caches ?? []).reduce((total, cache) => total + of(cache), 0);
    return {
      reads,
      failed,
      fresh: stats?.bus.fresh ?? false,
      levels: {
        l1: sum(({ l1 }) => l1.hits),
        l2: sum(({ l2 }) => l2.hits),
        loads: sum(({ l3 }) => l3.loads),
        bypassed: sum(({ bypassed }) => bypassed),
        lapses: stats?.caches[0]?.lapses ?? 0,
      },
    };
  }
}

async function main(settings: ReaderSettings): Promise<void> {
  const models = createReadModels({
    prisma: createPrisma(settings.mysqlUrl, { poolSize: 5, poolIdle: 1 }),
    settings: {
      amqpUrl: settings.amqpUrl,
      redisUrl: settings.redisUrl,
      l1WeightBytes: L1_WEIGHT_BYTES,
      l1TtlMs: settings.l1TtlMs,
      l2TtlMs: settings.l2TtlMs,
      warmUpTemplates: 20,
    },
    name: settings.name,
    newToken: randomUUID,
    logger: LOGGER,
  });
  for (const component of models.components) await component.start?.();
  process.on('disconnect', () => process.exit(0));
  new Reader(models, settings, seededRandom(settings.seed)).start();
}

void main(JSON.parse(process.argv[2] ?? '{}') as ReaderSettings);
