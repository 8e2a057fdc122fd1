import { randomUUID } from 'node:crypto';
import { useRedisDatabase } from '@coupon/testing';
import { CacheProcess } from '../support/cache-processes';

const PROCESSES = 4;
const READERS = 250;
const database = useRedisDatabase();
const processes: CacheProcess[] = [];

beforeEach(async () => {
  processes.push(...(await Promise.all(Array.from({ length: PROCESSES }, () => CacheProcess.start(database.url)))));
}, 60_000);
afterEach(async () => {
  await Promise.all(processes.splice(0).map((one) => one.kill()));
});

describe('a stampede on one cold key', () => {
  test('1,000 readers in 4 processes: exactly one load, and all have its value', async () => {
    for (let round = 0; round < 5; round += 1) {
      const order = { key: randomUUID(), readers: READERS, loadMs: 50, leaseMs: 5_000, waitMs: 10_000 };
      for (const one of processes) one.tell(order);
      const reads = await Promise.all(processes.map((one) => one.next('read')));
      expect(reads.map(({ loads }) => loads).sort()).toEqual([0, 0, 0, 1]);
      expect(new Set(reads.flatMap(({ versions }) => versions)).size).toBe(1);
      expect(reads.flatMap(({ levels }) => levels).sort()).toEqual(['l2', 'l2', 'l2', 'l3']);
    }
  }, 60_000);

  test('the process that loads is killed: one of the others takes over when its lease ends', async () => {
    const order = { key: randomUUID(), readers: READERS, loadMs: 60_000, leaseMs: 500, waitMs: 20_000 };
    const [holder, ...others] = processes;
    holder?.tell(order);
    await holder?.next('loading');
    for (const one of others) one.tell({ ...order, loadMs: 10 });
    await holder?.kill();
    const reads = await Promise.all(others.map((one) => one.next('read')));
    expect(reads.map(({ loads }) => loads).sort()).toEqual([0, 0, 1]);
    expect(new Set(reads.flatMap(({ versions }) => versions)).size).toBe(1);
  }, 60_000);

  test('the process that loads hangs: the others load themselves at their deadline', async () => {
    const order = { key: randomUUID(), readers: READERS, loadMs: 60_000, leaseMs: 30_000, waitMs: 200 };
    const [holder, ...others] = processes;
    holder?.tell(order);
    await holder?.next('loading');
    for (const one of others) one.tell({ ...order, loadMs: 10 });
    const reads = await Promise.all(others.map((one) => one.next('read')));
    for (const { loads } of reads) expect(loads).toBeLessThanOrEqual(1);
    expect(reads.reduce((sum, { loads }) => sum + loads, 0)).toBeGreaterThanOrEqual(1);
  }, 60_000);
});
