import { prune } from './prune.use-case';

/** Tables with so many rows that are old enough. */
function tables(keys: number, operations: number) {
  const left = { keys, operations };
  const calls: string[] = [];
  const table = (name: keyof typeof left) => ({
    prune: (olderThanMs: number, limit: number) => {
      calls.push(`${name} ${olderThanMs}`);
      const removed = Math.min(limit, left[name]);
      left[name] -= removed;
      return Promise.resolve(removed);
    },
  });
  const database = { idempotency: table('keys'), operations: table('operations') };
  return { left, calls, deps: { database, keepKeysMs: 7, keepOperationsMs: 30 } };
}

describe('prune', () => {
  it('goes on until nothing is left, keys before operations', async () => {
    const { left, calls, deps } = tables(2_500, 1_000);
    await prune(deps);
    expect(left).toEqual({ keys: 0, operations: 0 });
    expect(calls).toEqual(['keys 7', 'keys 7', 'keys 7', 'operations 30', 'operations 30']);
  });

  it('is bounded, and leaves operations alone while keys are left', async () => {
    const { left, deps } = tables(1_000_500, 10);
    await prune(deps);
    expect(left).toEqual({ keys: 500, operations: 10 });
    await prune(deps);
    expect(left).toEqual({ keys: 0, operations: 0 });
  });

  it('stops between two pages', async () => {
    const { left, deps } = tables(5_000, 10);
    let asked = 0;
    await prune(deps, () => (asked += 1) > 2);
    expect(left).toEqual({ keys: 3_000, operations: 10 });
  });
});
