import type { SharedTier } from '../../src/tier';
import type { TierUnderTest } from './cache-tier.conformance';
import type { SharedGeneration } from '../../src/tier';

export function sharedTierUnderTest(
  tier: SharedTier,
  advance: (ms: number) => void = () => undefined,
): TierUnderTest<SharedGeneration> {
  return {
    read: async (key) => (await tier.read(key))?.payload ?? undefined,
    begin: (key) => tier.begin(key),
    fill: (key, generation, payload, ttlMs) => tier.fill(key, generation, { codecVersion: 1, payload }, ttlMs),
    abandon: (key, generation) => tier.abandon(key, generation),
    invalidate: (key, version) => tier.invalidate(key, version),
    advance,
  };
}
