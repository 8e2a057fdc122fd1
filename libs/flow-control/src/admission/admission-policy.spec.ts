import fc from 'fast-check';
import { AdmissionPolicy } from './admission-policy';

const settings = { maxConcurrent: 20, queueSize: 90, deadlineMs: 1_000 };
const fill = (policy: AdmissionPolicy, activity: string, count = 1_000): number => {
  let entered = 0;
  for (let i = 0; i < count; i += 1) if (policy.tryEnter(activity) === null) entered += 1;
  return entered;
};

const step = fc.record({
  kind: fc.constantFrom('enter', 'enter', 'enter', 'start', 'start', 'finish', 'abandon', 'next', 'resize' as const),
  activity: fc.constantFrom('a', 'b', 'c'),
  count: fc.integer({ min: 1, max: 12 }),
});

describe('AdmissionPolicy', () => {
  it('counts as a plain list does, and never admits more than fit', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        let bounds = { maxConcurrent: 8, queueSize: 12, deadlineMs: 1 };
        const policy = new AdmissionPolicy(bounds);
        const waiting: Record<string, number> = { a: 0, b: 0, c: 0 };
        const active: Record<string, number> = { a: 0, b: 0, c: 0 };
        const sum = (of: Record<string, number>): number => Object.values(of).reduce((x, y) => x + y, 0);
        for (const { kind, activity, count } of steps) {
          const [w, r] = [waiting[activity] ?? 0, active[activity] ?? 0];
          if (kind === 'enter') {
            const free = bounds.queueSize - sum(waiting);
            const expected = free <= 0 ? 'queue_full' : w >= 8 * free ? 'activity_share' : null;
            expect(policy.tryEnter(activity)).toBe(expected);
            if (expected === null) waiting[activity] = w + 1;
          } else if (kind === 'start') {
            // One by one, each by the rule of the one that enters.
            let expected = 0;
            while (expected < Math.min(count, w)) {
              const free = bounds.maxConcurrent - sum(active) - expected;
              if (free <= 0 || r + expected >= 8 * free) break;
              expected += 1;
            }
            expect(policy.start(activity, count)).toBe(expected);
            waiting[activity] = w - expected;
            active[activity] = r + expected;
          } else if (kind === 'finish') {
            const n = Math.min(count, r);
            policy.finish(activity, n);
            active[activity] = r - n;
          } else if (kind === 'abandon') {
            const n = Math.min(count, w);
            policy.abandon(activity, n);
            waiting[activity] = w - n;
          } else if (kind === 'next') {
            const next = policy.nextBlocked();
            if (next !== undefined) expect(waiting[next]).toBeGreaterThan(0);
          } else {
            bounds = { maxConcurrent: count, queueSize: count * 2, deadlineMs: 1 };
            policy.reconfigure(bounds);
          }
          expect([policy.waiting, policy.active]).toEqual([sum(waiting), sum(active)]);
        }
        for (const activity of ['a', 'b', 'c']) {
          policy.abandon(activity, waiting[activity] ?? 0);
          policy.finish(activity, active[activity] ?? 0);
        }
        while (policy.nextBlocked() !== undefined) continue;
        expect(policy.activities).toBe(0);
      }),
      { numRuns: 1_000, seed: 20261121 },
    );
  });

  it('an activity alone gets eight ninths of the queue, and a newcomer still finds room', () => {
    const policy = new AdmissionPolicy(settings);
    expect(fill(policy, 'a')).toBe(80);
    expect(policy.tryEnter('a')).toBe('activity_share');
    expect(policy.tryEnter('b')).toBeNull();
    expect(policy.queueLoad).toBeCloseTo(0.9);
  });

  it('busy activities come to equal shares while claims leave, whoever was there first', () => {
    const policy = new AdmissionPolicy({ ...settings, queueSize: 5_000 });
    const activities = ['a', 'b', 'c'];
    const waiting: Record<string, number> = { a: fill(policy, 'a', 5_000), b: 0, c: 0 };
    for (let round = 0; round < 1_000; round += 1) {
      for (const activity of activities) {
        const sent = policy.start(activity, 10);
        policy.finish(activity, sent);
        waiting[activity] = (waiting[activity] ?? 0) - sent;
      }
      for (let i = 0; i < 120; i += 1) {
        const activity = activities[i % 3] ?? 'a';
        if (policy.tryEnter(activity) === null) waiting[activity] = (waiting[activity] ?? 0) + 1;
      }
    }
    // n busy ones get 8/(8n+1) of the queue each.
    for (const activity of activities) expect((waiting[activity] ?? 0) / 1_600).toBeCloseTo(1, 1);
  });

  it('names activities that had to wait for a place under way, each once, in the order they came', () => {
    const policy = new AdmissionPolicy({ ...settings, maxConcurrent: 4 });
    fill(policy, 'a', 20);
    fill(policy, 'b', 5);
    fill(policy, 'c', 1);
    expect(policy.start('a', 10)).toBe(4);
    expect(policy.start('b', 5)).toBe(0);
    expect(policy.start('b', 5)).toBe(0);
    expect(policy.start('c', 1)).toBe(0);
    expect(policy.nextBlocked()).toBeUndefined();
    policy.abandon('c', 1);
    policy.finish('a', 4);
    expect([policy.nextBlocked(), policy.nextBlocked(), policy.nextBlocked()]).toEqual(['a', 'b', undefined]);
  });

  it('refuses what waited longer than the deadline', () => {
    const policy = new AdmissionPolicy(settings);
    expect(policy.isExpired(5_000, 6_000)).toBe(false);
    expect(policy.isExpired(5_000, 6_000.1)).toBe(true);
  });
});
