import { couponSn } from '@coupon/domain';
import { OutboxStream, activityKeys } from '@coupon/lua';
import { useRestart } from '../support/restart';

const restart = useRestart();

describe('invariant 9: Redis after a restart', () => {
  test('an activity that was opened on this run is left alone', async () => {
    const id = await restart.running(5, 1);
    expect(await restart.verifier().execute(id)).toBe('current');
  });

  test('with everything in place the new run is accepted, also while the outbox is ahead of MySQL', async () => {
    const id = await restart.running(5, 1);
    await restart.claim(restart.redis, id, 1);
    await restart.persistOutbox(id);
    await restart.claim(restart.redis, id, 2);
    await restart.anotherRun(id);
    await expect(restart.claim(restart.redis, id, 3)).rejects.toThrow('wrong_run');
    expect(await restart.verifier().execute(id)).toBe('adopted');
    expect(await restart.claim(restart.redis, id, 3)).toMatchObject({ kind: 'won' });
    expect(await restart.store.snapshot(id)).toMatchObject({ epoch: 1, claimed: 3 });
  });

  test('nothing is decided while events are still on their way to MySQL', async () => {
    const id = await restart.running(5, 1);
    await restart.anotherRun(id);
    restart.pipelineEmpty = false;
    const verify = restart.verifier();
    expect(await verify.execute(id)).toBe('waiting');
    await expect(restart.claim(restart.redis, id, 1)).rejects.toThrow('wrong_run');
    restart.pipelineEmpty = true;
    expect(await verify.execute(id)).toBe('adopted');
  });

  test('only what was seen of the queue after the doubt began counts', async () => {
    const id = await restart.running(5, 1);
    await restart.anotherRun(id);
    const asked: number[] = [];
    let nowMs = 1_000;
    const verify = restart.verifier({
      nowMs: () => Promise.resolve(nowMs),
      pipelineEmptySince: (sinceMs) => {
        asked.push(sinceMs);
        return Promise.resolve(asked.length > 1);
      },
    });
    expect(await verify.execute(id)).toBe('waiting');
    nowMs = 9_000;
    expect(await verify.execute(id)).toBe('adopted');
    expect(asked).toEqual([1_000, 1_000]);
  });

  test('a drained activity answers again after a restart: its winners still get their receipts', async () => {
    const id = await restart.running(5, 1);
    await restart.claim(restart.redis, id, 1);
    await restart.persistOutbox(id);
    await restart.prisma.flashSaleActivity.update({
      where: { id: BigInt(id) },
      data: { drainedAt: new Date(), status: 3 },
    });
    await restart.store.setState(id, { to: 'ended', epoch: 1 });
    await restart.anotherRun(id);
    expect(await restart.verifier().execute(id)).toBe('adopted');
    expect(await restart.claim(restart.redis, id, 1)).toMatchObject({ replayed: true });
  });

  test('a pause or a stock addition that Redis has lost is not forgotten', async () => {
    const paused = await restart.running(5, 1);
    await restart.prisma.flashSaleActivity.update({ where: { id: BigInt(paused) }, data: { pausedAt: new Date() } });
    await restart.anotherRun(paused);
    expect(await restart.verifier().execute(paused)).toBe('adopted');
    expect(await restart.claim(restart.redis, paused, 1)).toMatchObject({ code: 'PAUSED' });
    const added = await restart.running(5, 1);
    await restart.prisma.flashSaleActivity.update({ where: { id: BigInt(added) }, data: { totalCount: 8 } });
    await restart.anotherRun(added);
    expect(await restart.verifier().execute(added)).toBe('restored');
    expect(await restart.store.snapshot(added)).toMatchObject({ total: 8, available: 8 });
  });

  test('an outbox that has lost its relay group gets it back, with every event that was waiting', async () => {
    const id = await restart.running(5, 1);
    await restart.claim(restart.redis, id, 1);
    await restart.redis.xgroup('DESTROY', activityKeys(id).outbox, 'relay');
    await expect(restart.claim(restart.redis, id, 2)).rejects.toThrow('half_loaded');
    expect(await restart.verifier().execute(id)).toBe('current');
    expect(await new OutboxStream(restart.redis).read(id, { consumer: 'spec', count: 9 })).toHaveLength(1);
    expect(await restart.claim(restart.redis, id, 2)).toMatchObject({ kind: 'won' });
  });

  test('an activity that nobody expects in Redis is not brought back', async () => {
    const id = await restart.running(5, 1);
    await restart.redis.flushdb();
    await restart.prisma.flashSaleActivity.update({ where: { id: BigInt(id) }, data: { drainedAt: new Date() } });
    expect(await restart.verifier().execute(id)).toBe('absent');
    expect(await restart.store.snapshot(id)).toBeNull();
  });

  test('an archived activity that an older disk has brought back is passed by: neither accepted nor rebuilt', async () => {
    const id = await restart.running(5, 1);
    await restart.prisma.flashSaleActivity.update({
      where: { id: BigInt(id) },
      data: { drainedAt: new Date(), archivedAt: new Date(), status: 3 },
    });
    await restart.anotherRun(id);
    expect(await restart.verifier().execute(id)).toBe('absent');
    await expect(restart.claim(restart.redis, id, 1)).rejects.toThrow('wrong_run');
    await restart.redis.flushdb();
    expect(await restart.verifier().execute(id)).toBe('absent');
    expect(await restart.store.snapshot(id)).toBeNull();
  });

  test('serial numbers are made the same way here and in the script', async () => {
    const id = await restart.running(5, 3);
    const outcome = await restart.claim(restart.redis, id, 1, 3);
    expect(outcome).toMatchObject({
      couponSns: [1, 2, 3].map((unit) => couponSn(outcome.kind === 'won' ? outcome.claimId : '', unit)),
    });
  });
});
