import fc from 'fast-check';
import { Outstanding } from './outstanding';

describe('Outstanding', () => {
  it('acknowledges a whole batch with one frame', () => {
    const outstanding = withTags(5);
    expect(outstanding.acknowledge([3, 1, 2])).toEqual({ upTo: 3, single: [] });
    expect(outstanding.size).toBe(2);
  });

  it('acknowledges one by one what has an earlier one still open', () => {
    const outstanding = withTags(5);
    expect(outstanding.acknowledge([1, 3, 4])).toEqual({ upTo: 1, single: [3, 4] });
    expect(outstanding.acknowledge([2])).toEqual({ upTo: 2, single: [] });
  });

  it('leaves out what is acknowledged already or unknown', () => {
    const outstanding = withTags(3);
    outstanding.acknowledge([2]);
    expect(outstanding.acknowledge([2, 9])).toEqual({ upTo: undefined, single: [] });
  });

  it('covers exactly the wanted tags, whatever the order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 }), { maxLength: 8 }),
        (rounds) => {
          const outstanding = withTags(40);
          const open = new Set(Array.from({ length: 40 }, (_, n) => n + 1));
          for (const wanted of rounds) {
            const { upTo, single } = outstanding.acknowledge(wanted);
            const covered = new Set(single);
            if (upTo !== undefined) for (const tag of open) if (tag <= upTo) covered.add(tag);
            expect([...covered].sort()).toEqual([...new Set(wanted)].filter((tag) => open.has(tag)).sort());
            for (const tag of covered) open.delete(tag);
          }
        },
      ),
      { seed: 7, numRuns: 200 },
    );
  });
});

function withTags(count: number): Outstanding {
  const outstanding = new Outstanding();
  for (let tag = 1; tag <= count; tag += 1) outstanding.add(tag);
  return outstanding;
}
