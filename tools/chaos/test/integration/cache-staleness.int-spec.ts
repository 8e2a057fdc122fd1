import { startOwnServers } from '@coupon/testing';
import { cacheFaults } from '../../src/caches/cache-faults';
import { CacheStorm } from '../../src/caches/cache-storm';

const SEED = Number(process.env['CHAOS_SEED'] ?? 20261123);
const DURATION_MS = 40_000;
const LEAST = { reads: 2_000, commits: 200, hits: 500 };

test(`no read is more than a second behind while everything is restarted (seed ${SEED})`, async () => {
  const report = await CacheStorm.run({
    startServers: startOwnServers,
    seed: SEED,
    durationMs: DURATION_MS,
    signal: new AbortController().signal,
  });
  expect(report.wrong).toEqual([]);
  const restarts = cacheFaults(false).filter(({ isRestart }) => isRestart === true);
  expect(Object.keys(report.faults)).toEqual(expect.arrayContaining(restarts.map(({ name }) => name)));
  // Without these it would prove nothing.
  expect(report.reads).toBeGreaterThan(LEAST.reads);
  expect(report.commits).toBeGreaterThan(LEAST.commits);
  expect(report.levels.l1).toBeGreaterThan(LEAST.hits);
  expect(report.levels.l2).toBeGreaterThan(0);
  expect(report.levels.bypassed).toBeGreaterThan(0);
  expect(report.behind.reads).toBeGreaterThan(0);
}, 900_000);
