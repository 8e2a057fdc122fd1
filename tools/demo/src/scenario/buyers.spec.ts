import { seededRandom } from '@coupon/testing';
import { planBuyers, planCollectors } from './buyers';

describe('planBuyers', () => {
  const buyers = planBuyers(5_000, seededRandom(1));

  it('gives the same crowd for the same seed and another one for another', () => {
    expect(planBuyers(5_000, seededRandom(1))).toEqual(buyers);
    expect(planBuyers(5_000, seededRandom(2))).not.toEqual(buyers);
  });

  it('has every buyer once, and every click is its buyer’s own', () => {
    expect(new Set(buyers.map(({ userId }) => userId)).size).toBe(5_000);
    expect(
      buyers.every(({ userId, together, then }) => [...together, ...then].every((click) => click.userId === userId)),
    ).toBe(true);
  });

  it('has people who click twice with one key, with different keys, who ask for too many, and who send no key', () => {
    const keysOf = (keys: readonly (string | undefined)[]): number => new Set(keys).size;
    const several = buyers.filter(({ together }) => together.length > 1);
    expect(several.some(({ together }) => keysOf(together.map(({ key }) => key)) === 1)).toBe(true);
    expect(several.some(({ together }) => keysOf(together.map(({ key }) => key)) === together.length)).toBe(true);
    expect(buyers.some(({ together, then }) => together[0]?.quantity === 2 && then[0]?.quantity === 1)).toBe(true);
    expect(buyers.some(({ together }) => together[0]?.key === undefined)).toBe(true);
  });

  it('has every buyer ask for one coupon at least once, so that the demand is the number of buyers', () => {
    expect(buyers.every(({ together, then }) => [...together, ...then].some(({ quantity }) => quantity === 1))).toBe(
      true,
    );
  });
});

describe('planCollectors', () => {
  it('gives every click a key of its own', () => {
    const keys = planCollectors(10, 4).flatMap(({ together }) => together.map(({ key }) => key));
    expect(new Set(keys).size).toBe(40);
  });
});
