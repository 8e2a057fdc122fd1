import { describeCacheTier } from '../test/support/cache-tier.conformance';
import type { TierUnderTest } from '../test/support/cache-tier.conformance';
import { describeLeases } from '../test/support/lease.conformance';
import { ManualClock } from '../test/support/manual-clock';
import { sharedTierUnderTest } from '../test/support/tiers';
import { FrequencyStore } from './bounded-store';
import { LocalTier } from './local-tier';
import type { LocalGeneration } from './local-tier';
import { MemorySharedTier } from './memory-shared-tier';

const clock = new ManualClock();
const store = new FrequencyStore<never>(1_000_000, () => undefined);
const local = new LocalTier<string>({ store, nowMs: clock.nowMs, lapses: () => 0 });
const l1: TierUnderTest<LocalGeneration> = {
  read: (key) => local.read(key),
  begin: (key) => local.begin(key),
  fill: (key, generation, value, ttlMs) => local.fill(key, generation, { value, weight: 1 }, ttlMs),
  abandon: (key, generation) => {
    local.abandon(key, generation);
  },
  invalidate: (key) => {
    local.invalidate(key);
  },
  advance: (ms) => {
    clock.advance(ms);
  },
};
afterAll(() => {
  local.clear();
});

describeCacheTier('L1', () => l1, 500);
test('L1 remembers nothing about fills that are over', () => expect(local.fills).toBeLessThan(400));

const memory = new MemorySharedTier({ nowMs: clock.nowMs });
const advance = (ms: number): void => {
  clock.advance(ms);
};
describeCacheTier('L2 in memory', () => sharedTierUnderTest(memory, advance), 500);
describeLeases('L2 in memory', () => ({ tier: memory, advance }));
