import type { ActivityId, UserId } from '@coupon/domain';
import { OutboxStream, createClaimRedis } from '@coupon/lua';
import { eventually, useRedisDatabase } from '@coupon/testing';
import { reconcileSources } from '../../src/adapters/activity-sources';
import type { ReconcileSources } from '../../src/use-cases/reconcile-activity.use-case';
import { useWorkerDatabase } from '../support/database';
import { TestSale } from '../support/sale';

const database = useWorkerDatabase();
const redisDatabase = useRedisDatabase();
let redis: ReturnType<typeof createClaimRedis>;

beforeAll(async () => {
  redis = createClaimRedis(redisDatabase.url);
  await redis.connect();
});
afterAll(() => redis.disconnect());

/** As the worker makes them; `over` replaces methods of the store. */
function sources(over: Partial<TestSale['store']> = {}): ReconcileSources {
  const store = Object.create(new TestSale(redis, { activityId: '1', templateId: '1' }).store) as TestSale['store'];
  const outbox = new OutboxStream(redis);
  return reconcileSources({ redis, store: Object.assign(store, over), outbox, prisma: database.prisma });
}

async function endedSale() {
  const sale = await new TestSale(redis, await database.anActivity()).open();
  const [claimId] = await sale.claim(1);
  if (claimId === undefined) throw new Error('no claim');
  await sale.store.setState(sale.id, { to: 'ended', epoch: 1 });
  const release = () =>
    sale.store.settle(sale.id, { op: 'release', claimId, userId: '1' as UserId, epoch: 1, reason: 'spec' });
  return { id: sale.id, release };
}

async function drainedAt(id: ActivityId): Promise<Date | null> {
  return (await database.prisma.flashSaleActivity.findUniqueOrThrow({ where: { id: BigInt(id) } })).drainedAt;
}

/** Resolves when a transaction waits for a row. The server renews what it shows only when nobody has looked for 100 ms. */
async function somebodyWaits(): Promise<void> {
  const waiting = () =>
    database.database.query(
      `SELECT t.trx_id FROM information_schema.innodb_trx t
       JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
       WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()`,
    );
  await eventually(async () => expect(await waiting()).toHaveLength(1), { intervalMs: 150 });
}

describe('invariant 8: an activity is written off as drained', () => {
  it('once, by the clock of the database', async () => {
    const { id } = await endedSale();
    const wrongClock = jest.spyOn(Date, 'now').mockReturnValue(Date.UTC(2001, 0, 1));
    expect(await sources().markDrained(id, 1)).toBe(true);
    wrongClock.mockRestore();
    expect((await drainedAt(id))?.getUTCFullYear()).toBeGreaterThan(2001);
    expect(await sources().markDrained(id, 1)).toBe(false);
  });

  it('not when a release was numbered after it had been looked at', async () => {
    const { id, release } = await endedSale();
    expect(await release()).toEqual({ kind: 'released', eventSeq: 2 });
    expect(await sources().markDrained(id, 1)).toBe(false);
    expect(await drainedAt(id)).toBeNull();
  });

  it('with its row held from before the last look at Redis until the write: a later release comes after', async () => {
    const { id, release } = await endedSale();
    let taking: Promise<unknown> = Promise.resolve();
    const { snapshot } = new TestSale(redis, { activityId: id, templateId: '1' }).store;
    const marked = sources({
      async snapshot(this: TestSale['store'], activityId: ActivityId) {
        const seen = await snapshot.call(this, activityId);
        await release();
        // Its operation takes drained_at back.
        taking = database.prisma.$transaction(async (tx) => {
          await tx.$queryRaw`SELECT id FROM flash_sale_activities WHERE id = ${BigInt(id)} FOR UPDATE`;
          await tx.$executeRaw`UPDATE flash_sale_activities SET drained_at = NULL WHERE id = ${BigInt(id)}`;
        });
        await Promise.race([taking, somebodyWaits()]);
        return seen;
      },
    }).markDrained(id, 1);
    expect(await marked).toBe(true);
    await taking;
    expect(await drainedAt(id)).toBeNull();
  });

  it('not when it has left Redis meanwhile', async () => {
    const { id } = await endedSale();
    await redis.flushdb();
    expect(await sources().markDrained(id, 1)).toBe(false);
    expect(await drainedAt(id)).toBeNull();
  });
});
