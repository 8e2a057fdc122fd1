import { randomBytes } from 'node:crypto';
import { Cluster, Redis } from 'ioredis';
import { encodeClaimId } from '@coupon/domain';
import type { TemplateId, TicketId, UserId } from '@coupon/domain';
import {
  beginCacheFill,
  invalidateCacheKey,
  readCacheEntries,
  releaseCacheLease,
  storeCacheValue,
} from '../../src/cache-entries';
import { ActivityStore } from '../../src/activity-store';
import { advanceEpoch } from '../../src/advance-epoch';
import { archiveActivity, unregisterActivity } from '../../src/archive-activity';
import { pipelineNowMs } from '../../src/pipeline-clock';
import { TicketQueue } from '../../src/ticket-queue';
import { OutboxStream, markPersisted } from '../../src/outbox-stream';
import { claimKeys, claimUnits } from '../../src/claim-units';
import { leaseTokens, takeFixedWindow, takeSlidingWindow, takeTokenBucket } from '../../src/flow-limits';
import { countRefusals } from '../../src/count-refusals';
import { acquireLock, releaseLock } from '../../src/distributed-lock';
import { FlowSettingsStore } from '../../src/flow-settings-store';
import { readSaleState, readWinners } from '../../src/sale-state';
import { eventually, uniqueActivityId, useOwnServers } from '@coupon/testing';

const own = useOwnServers(['redis'], { arguments: { redis: ['--cluster-enabled', 'yes', '--databases', '1'] } });
let cluster: Cluster;

beforeAll(async () => {
  const { url } = own.endpoints.redis;
  const node = new Redis(url);
  // A lone node does not know its address, and the client leaves out nodes without one.
  await node.config('SET', 'cluster-announce-ip', '127.0.0.1');
  await node.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await eventually(async () => {
    expect(await node.call('CLUSTER', 'INFO')).toContain('cluster_state:ok');
  });
  node.disconnect();
  const { hostname, port } = new URL(url);
  const address = { host: hostname, port: Number(port) };
  cluster = new Cluster([address], { natMap: () => address });
  // The first look at the slots may come too early; the client looks again.
  cluster.on('error', () => undefined);
});
afterAll(() => {
  cluster.disconnect();
});

test('invariant 11: the scripts of the cache run on a cluster, and keys of several slots are read at once', async () => {
  const change = { run: 'cluster', newGeneration: 'g1', markMs: 60_000 };
  const begun = { ...change, leaseToken: 'token-of-the-lease', leaseMs: 60_000 };
  const value = { run: 'cluster', generation: 'g1', body: 'b', ttlMs: 60_000, leaseToken: null };
  for (const key of ['1', '2', '3']) {
    expect(await invalidateCacheKey(cluster, 'template', key, { ...change, version: 'v1' })).toBe(true);
    expect(await beginCacheFill(cluster, 'template', key, begun)).toEqual({ kind: 'load', generation: 'g1' });
    expect(await storeCacheValue(cluster, 'template', key, value)).toBe(true);
    expect(await releaseCacheLease(cluster, 'template', key, begun.leaseToken)).toBe(true);
  }
  expect(await readCacheEntries(cluster, 'template', ['1', '9', '2', '3'])).toMatchObject([
    { body: 'b' },
    undefined,
    { body: 'b' },
    { body: 'b' },
  ]);
});

describe('invariant 11: on a Redis cluster', () => {
  test('every script runs: its keys are all passed to it and lie in one slot', async () => {
    const store = new ActivityStore(cluster);
    const outbox = new OutboxStream(cluster);
    const activityId = uniqueActivityId();
    const now = Date.now();
    const activity = {
      activityId,
      templateId: '3' as TemplateId,
      startMs: now - 60_000,
      endMs: now + 60_000,
      perUserLimit: 2,
      total: 5,
      epoch: 1,
      userRatePerSecond: 5,
    };
    expect(await store.prewarm(activity)).toEqual({ kind: 'loaded' });
    await store.setState(activityId, { to: 'open', epoch: 1 });
    expect(await countRefusals(cluster, activityId, new Map([['SOLD_OUT', 1]]))).toBe(true);
    const claimId = encodeClaimId(now, randomBytes(10));
    const userId = '7' as UserId;
    const claims = [{ userId, claimId, quantity: 2, idempotencyKey: 'k' }];
    expect(await claimUnits(cluster, claimKeys(activityId), await store.runId(activityId), claims)).toMatchObject({
      kind: 'decided',
      outcomes: [{ kind: 'won' }],
    });
    expect(await store.purchased(activityId, userId)).toMatchObject({ count: 2 });
    expect(await readSaleState(cluster, activityId, await store.runId(activityId))).toMatchObject({ eventSeq: 1 });
    expect((await readWinners(cluster, activityId).next()).value).toEqual([userId]);
    const tickets = new TicketQueue(cluster);
    expect(await tickets.register(activityId, now)).toBe(true);
    const ticketId = encodeClaimId(now, randomBytes(10)) as string as TicketId;
    const ticket = { ticketId, userId, claimId: encodeClaimId(now, randomBytes(10)), quantity: 2, idempotencyKey: 'k' };
    const ticketRun = await store.runId(activityId);
    const enqueued = await tickets.enqueue(activityId, ticketRun, ticket, {
      maxWaitMs: 0,
      maxWaiting: 1,
      maxFields: 100,
    });
    expect(enqueued).toEqual({ kind: 'ticket', ticketId, fresh: false });
    expect(await tickets.decide(activityId, ticketRun, { count: 1, keepMs: 60_000, forgetAtMost: 1 })).toMatchObject({
      activity: 'decided',
    });
    expect(await tickets.read(activityId, [ticketId])).toMatchObject([{ state: { status: 'WON', claimId } }]);
    expect([...(await tickets.registered())]).toEqual([[activityId, now]]);
    expect(await tickets.forget(activityId, now)).toBe(true);
    expect(await store.addStock(activityId, { operationId: 'op', add: 1, epoch: 1 })).toMatchObject({ kind: 'added' });
    const [entry] = await outbox.read(activityId, { consumer: 'a', count: 1 });
    expect(await outbox.claimStale(activityId, { consumer: 'b', minIdleMs: 0, count: 1 })).toHaveLength(1);
    expect(await outbox.acknowledge(activityId, [entry?.streamId ?? ''])).toBe(1);
    expect(await outbox.removeIdleConsumers(activityId, 0)).toHaveLength(2);
    expect(await markPersisted(cluster, activityId, [{ seq: 1, units: 2 }])).toBe(true);
    const release = { op: 'release', claimId, userId, epoch: 1, reason: 'spec' } as const;
    expect(await store.settle(activityId, release)).toEqual({ kind: 'released', eventSeq: 2 });
    const second = await outbox.read(activityId, { consumer: 'a', count: 1 });
    await outbox.acknowledge(
      activityId,
      second.map((one) => one.streamId),
    );
    await store.setState(activityId, { to: 'closed', epoch: 1 });
    const none = async function* (): AsyncGenerator<never> {};
    expect(await store.restore({ ...activity, epoch: 2 }, { claimed: 0, eventSeq: 2, claims: none() })).toEqual({
      kind: 'restored',
    });
    expect(await store.adoptRun(activityId, { epoch: 2, verifiedRunId: 'x' })).toEqual({ kind: 'already' });
    expect(await store.activities()).toContain(activityId);
    expect(await store.snapshot(activityId)).toMatchObject({ total: 5, available: 5, epoch: 2 });
    expect(await pipelineNowMs(cluster)).toBeGreaterThan(now - 60_000);
    await store.setState(activityId, { to: 'open', epoch: 2 });
    const runId = await store.runId(activityId);
    expect(await advanceEpoch(cluster, activityId, { runId, epoch: 3, eventSeq: 2 })).toEqual({ kind: 'moved' });
    await store.setState(activityId, { to: 'ended', epoch: 3 });
    expect(await archiveActivity(cluster, activityId, 2)).toMatchObject({ kind: 'removed' });
    await unregisterActivity(cluster, activityId);
    expect(await store.activities()).not.toContain(activityId);
  });

  test('every limit, every lock and the settings lie in one slot each', async () => {
    for (const name of ['activity:42', '2001:db8::1']) {
      const granted = { granted: 1, waitUs: 0 };
      expect(await takeTokenBucket(cluster, name, { rate: 1, burst: 1 }, 1)).toMatchObject(granted);
      expect(await takeSlidingWindow(cluster, name, { limit: 1, windowMs: 1_000 }, 1)).toMatchObject(granted);
      expect(await takeFixedWindow(cluster, name, { limit: 1, windowMs: 1_000 }, 1)).toMatchObject(granted);
      const call = { rate: 1, burst: 2, holder: 'a', used: 0, want: 1, holdMs: 1_000, call: 1 };
      expect(await leaseTokens(cluster, name, call)).toMatchObject({ granted: 1, holders: 1 });
    }
    expect(await acquireLock(cluster, 'stock:42', 'a-token-of-mine', 1_000)).toEqual({ kind: 'held', forMs: 1_000 });
    expect(await releaseLock(cluster, 'stock:42', 'a-token-of-mine')).toBe(true);
    expect(await new FlowSettingsStore(cluster).write(0, '{}', 'spec')).toEqual({ kind: 'stored', version: 1 });
  });
});
