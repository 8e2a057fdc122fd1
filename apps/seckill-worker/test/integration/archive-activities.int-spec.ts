import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { applyGrants, createPrisma } from '@coupon/persistence';
import type { PrismaClient } from '@coupon/persistence';
import {
  OutboxStream,
  activityKeys,
  archiveActivity,
  createClaimRedis,
  registerActivity,
  unregisterActivity,
} from '@coupon/lua';
import type { ActivityId } from '@coupon/domain';
import { eventually, useRedisDatabase, useVhost } from '@coupon/testing';
import { MysqlArchiveLedger } from '../../src/adapters/mysql-archive-ledger';
import { MysqlClaimStore } from '../../src/adapters/mysql-claim-store';
import { MysqlRestoreLedger } from '../../src/adapters/mysql-restore-ledger';
import { ArchiveActivities } from '../../src/use-cases/archive-activities.use-case';
import type { ArchiveKeys, ArchiveLedger } from '../../src/use-cases/archive-activities.use-case';
import type { ClaimedEvent } from '../../src/use-cases/incoming-event';
import { useWorkerDatabase } from '../support/database';
import { TestSale } from '../support/sale';
import { startWorker } from '../support/worker';

const RETENTION_MS = 3_600_000;
// Before the databases' own hooks: Jest runs these in the order in which they are registered.
afterAll(async () => {
  await prisma.$disconnect();
  await database.database.query(`DROP USER IF EXISTS '${user}'@'%'`);
  redis.disconnect();
});
const database = useWorkerDatabase();
const redisDatabase = useRedisDatabase();
const vhost = useVhost();
const user = `t_worker_${randomBytes(4).toString('hex')}`;

let redis: ReturnType<typeof createClaimRedis>;
/** With the rights of the worker's own user. */
let prisma: PrismaClient;
let ledger: MysqlArchiveLedger;
let keys: ArchiveKeys;

beforeAll(async () => {
  redis = createClaimRedis(redisDatabase.url);
  await redis.connect();
  const password = randomBytes(12).toString('hex');
  const { serverUrl, name, url } = database.database;
  await applyGrants(serverUrl, { database: name, passwords: { worker: password }, users: { worker: user } });
  const own = new URL(url);
  own.username = user;
  own.password = password;
  prisma = createPrisma(own.toString(), { poolSize: 4, poolIdle: 1 });
  ledger = new MysqlArchiveLedger(prisma, { retentionMs: RETENTION_MS });
  keys = {
    registered: async () => (await redis.smembers('coupon:activities')) as ActivityId[],
    register: (id) => registerActivity(redis, id),
    remove: (id, lastSeq) => archiveActivity(redis, id, lastSeq),
    unregister: (id) => unregisterActivity(redis, id),
  };
});
beforeEach(async () => {
  await redis.flushdb();
  // What an earlier test has left is no candidate any more.
  await database.database.query('UPDATE flash_sale_activities SET drained_at = NULL');
});

function archiver(over: { ledger?: ArchiveLedger; keys?: Partial<ArchiveKeys>; pageSize?: number } = {}) {
  const outcomes: string[] = [];
  const archive = new ArchiveActivities({
    ledger: over.ledger ?? ledger,
    keys: { ...keys, ...over.keys },
    count: (outcome) => outcomes.push(outcome),
    logger: pino({ level: 'silent' }),
    ...(over.pageSize === undefined ? {} : { pageSize: over.pageSize }),
  });
  return { run: () => archive.execute(), outcomes };
}

/** A sale that has ended, with every event stored and acknowledged, drained two retentions ago. */
async function overAndStored(claims = 2): Promise<ActivityId> {
  const place = await database.anActivity();
  const sale = await new TestSale(redis, place).open();
  await sale.claim(claims);
  await store(sale.id);
  await sale.store.setState(sale.id, { to: 'ended', epoch: 1 });
  await update(sale.id, 'status = 3, drained_at = UTC_TIMESTAMP(3) - INTERVAL 2 HOUR');
  return sale.id;
}

/** What relay and consumer do. */
async function store(id: ActivityId): Promise<void> {
  const outbox = new OutboxStream(redis);
  const entries = await outbox.read(id, { consumer: 'spec', count: 1_000 });
  const events = entries.map(({ body }) => ({ kind: 'claimed', body: JSON.parse(body) as unknown }) as ClaimedEvent);
  if (events.length > 0) expect(await new MysqlClaimStore(prisma).storeClaims(events)).toEqual({ kind: 'stored' });
  await outbox.acknowledge(
    id,
    entries.map(({ streamId }) => streamId),
  );
}

const update = (id: ActivityId, set: string): Promise<unknown> =>
  database.database.query(`UPDATE flash_sale_activities SET ${set} WHERE id = ?`, [id]);

interface State {
  readonly keys: number;
  readonly registered: boolean;
  readonly archived: boolean;
  readonly drained: boolean;
}

async function stateOf(id: ActivityId): Promise<State> {
  const row = await prisma.flashSaleActivity.findUniqueOrThrow({ where: { id: BigInt(id) } });
  return {
    keys: await redis.exists(Object.values({ ...activityKeys(id) })),
    registered: (await redis.sismember('coupon:activities', id)) === 1,
    archived: row.archivedAt !== null,
    drained: row.drainedAt !== null,
  };
}

const ARCHIVED: State = { keys: 0, registered: false, archived: true, drained: true };

describe('archiving', () => {
  it('removes an activity whose retention is over, keys and entry in the registry, and says so in MySQL', async () => {
    const id = await overAndStored();
    const { run, outcomes } = archiver();
    await run();
    expect(await stateOf(id)).toEqual(ARCHIVED);
    await run();
    expect(outcomes).toEqual(['archived']);
  });

  it('leaves alone what is running, not drained, or drained a while ago only', async () => {
    const running = await overAndStored();
    await update(running, 'status = 2');
    const undrained = await overAndStored();
    await update(undrained, 'drained_at = NULL');
    const fresh = await overAndStored();
    await update(fresh, 'drained_at = UTC_TIMESTAMP(3) - INTERVAL 59 MINUTE');
    const { run, outcomes } = archiver();
    await run();
    for (const id of [running, undrained, fresh]) {
      expect(await stateOf(id)).toMatchObject({ registered: true, archived: false });
      expect(await ledger.mark(id)).toMatchObject({ kind: 'refused' });
    }
    expect(outcomes).toEqual([]);
  });

  it.each<[string, (id: ActivityId) => Promise<unknown>]>([
    [
      'an operation on it is not finished',
      (id) =>
        prisma.operation.create({
          data: { operationId: `o-${id}`, kind: 'release', activityId: BigInt(id), state: 'created', payload: {} },
        }),
    ],
    [
      'an event of it lies in the dead-letter queue',
      (id) =>
        prisma.deadLetter.create({
          data: { eventId: `e-${id}`, queue: 'q', activityId: BigInt(id), reasonCode: 'X', reason: '', body: '{}' },
        }),
    ],
    ['MySQL lacks an event', (id) => prisma.claimEvent.deleteMany({ where: { activityId: BigInt(id), eventSeq: 1n } })],
  ])('invariant 8: leaves an activity alone while %s', async (_, prepare) => {
    const id = await overAndStored();
    await prepare(id);
    await archiver().run();
    expect(await stateOf(id)).toMatchObject({ registered: true, archived: false, drained: true });
  });

  it.each<[string, (sale: TestSale) => Promise<unknown>]>([
    [
      'has numbered an event MySQL does not know',
      (sale) => redis.hset(activityKeys(sale.id).activity, 'event_seq', '3'),
    ],
    ['has an entry in the outbox', (sale) => redis.xadd(activityKeys(sale.id).outbox, '*', 'type', 'x')],
    ['still sells', (sale) => redis.hset(activityKeys(sale.id).activity, 'state', 'open')],
  ])('invariant 8: has an activity watched again that %s', async (_, change) => {
    const id = await overAndStored();
    await change(new TestSale(redis, { activityId: id, templateId: '1' }));
    const { run, outcomes } = archiver();
    await run();
    expect(outcomes).toEqual(['refused']);
    expect(await stateOf(id)).toMatchObject({ registered: true, archived: false, drained: false });
    expect(await redis.exists(activityKeys(id).user)).toBe(1);
  });

  it('goes on past activities that are refused, page by page', async () => {
    const ids = [await overAndStored(), await overAndStored(), await overAndStored(), await overAndStored()];
    await prisma.claimEvent.deleteMany({ where: { activityId: BigInt(ids[0] ?? ''), eventSeq: 1n } });
    await archiver({ pageSize: 1 }).run();
    for (const id of ids.slice(1)) expect(await stateOf(id)).toEqual(ARCHIVED);
  });

  it.each<[string, (id: ActivityId, die: () => never) => Parameters<typeof archiver>[0]]>([
    ['before the mark', (_id, die) => ({ ledger: { ...bound(), mark: die } })],
    ['before the keys are removed', (_id, die) => ({ keys: { remove: die } })],
    ['before the registry forgets it', (_id, die) => ({ keys: { unregister: die } })],
  ])('is finished by the next round when it dies %s, also when the registry had lost the entry', async (_, dying) => {
    const id = await overAndStored();
    await unregisterActivity(redis, id);
    const die = (): never => {
      throw new Error('killed');
    };
    await archiver(dying(id, die)).run();
    expect(await stateOf(id)).toMatchObject({ registered: true });
    await archiver().run();
    expect(await stateOf(id)).toEqual(ARCHIVED);
  });

  it('removes the older copy that an older disk of Redis has brought back, and the restart verification passes it by', async () => {
    const id = await overAndStored();
    const k = activityKeys(id);
    const copies = await Promise.all(
      [k.activity, k.stock, k.user].map(async (key) => [key, await redis.dumpBuffer(key)]),
    );
    await archiver().run();
    for (const [key, copy] of copies) await redis.restore(key as string, 0, copy as Buffer);
    await redis.hset(k.activity, { event_seq: '1', run_id: 'an-earlier-run' });
    await registerActivity(redis, id);
    const known = new MysqlRestoreLedger(prisma, { userRatePerSecond: 0 });
    expect(await known.activity(id)).toMatchObject({ archived: true, expectedInRedis: false });
    expect(await known.begin(id, { epoch: 1, restoring: false })).toEqual({ kind: 'superseded' });
    await archiver().run();
    expect(await stateOf(id)).toEqual(ARCHIVED);
  });

  it('two workers at once archive it once, and neither trips', async () => {
    const ids = await Promise.all([overAndStored(), overAndStored(), overAndStored()]);
    const rounds = [archiver(), archiver(), archiver()];
    await Promise.all(rounds.map(({ run }) => run()));
    // Whoever came late may have put an entry back; it is gone after one more round.
    await archiver().run();
    for (const id of ids) expect(await stateOf(id)).toEqual(ARCHIVED);
    expect(rounds.flatMap(({ outcomes }) => outcomes)).not.toContain('refused');
  });

  it('is done by a worker with the role reconciliation, by itself', async () => {
    const id = await overAndStored();
    await update(id, 'drained_at = UTC_TIMESTAMP(3) - INTERVAL 8 DAY');
    const { lifecycle } = await startWorker(
      { mysqlUrl: database.database.url, redisUrl: redisDatabase.url, amqpUrl: vhost.url },
      { WORKER_ROLES: 'reconciliation', ARCHIVE_INTERVAL_MS: '100' },
    );
    await eventually(async () => expect(await stateOf(id)).toEqual(ARCHIVED));
    await lifecycle.stop('archived');
  });

  it('waits for a release that is being written down, and then leaves the activity alone', async () => {
    const id = await overAndStored();
    let committed = false;
    const begun = new Promise<{ marking: ReturnType<typeof ledger.mark> }>((resolve, reject) => {
      database.prisma
        .$transaction(async (tx) => {
          await tx.$executeRaw`UPDATE flash_sale_activities SET drained_at = NULL WHERE id = ${BigInt(id)}`;
          const marking = ledger.mark(id).then((mark) => {
            expect(committed).toBe(true);
            return mark;
          });
          await tx.operation.create({
            data: { operationId: `r-${id}`, kind: 'release', activityId: BigInt(id), state: 'created', payload: {} },
          });
          await tx.$queryRaw`SELECT SLEEP(0.3)`;
          committed = true;
          resolve({ marking });
        })
        .catch(reject);
    });
    const { marking } = await begun;
    expect(await marking).toMatchObject({ kind: 'refused' });
    expect(await stateOf(id)).toMatchObject({ archived: false });
  });
});

function bound(): ArchiveLedger {
  return {
    due: (after, limit) => ledger.due(after, limit),
    archived: (ids) => ledger.archived(ids),
    mark: (id) => ledger.mark(id),
    unmark: (id) => ledger.unmark(id),
  };
}
