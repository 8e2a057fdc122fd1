import { BENCH_CASES, chooseCases } from './cases';

describe('chooseCases', () => {
  it('takes a name, and a first word for all that begin with it', () => {
    expect(chooseCases(['fsync', 'low'], false)).toEqual(['fsync-64', 'fsync-128', 'fsync-200', 'low']);
    expect(chooseCases(['million', 'million'], false)).toEqual(['million']);
  });

  it('knows no other names', () => {
    expect(chooseCases(['fsync', 'fs'], false)).toBeUndefined();
  });

  it('leaves the long ones out of a quick run', () => {
    expect(chooseCases(undefined, false)).not.toContain('million');
    expect(chooseCases(undefined, true)).toEqual(expect.arrayContaining(['million', 'overload', 'cold']));
  });
});

describe('the cases', () => {
  it('give every gateway subject a name of its own: the report has its figures under it', () => {
    const names = BENCH_CASES.flatMap(({ subjects }) =>
      subjects.filter(({ kind }) => kind === 'gateway').map(({ name }) => name),
    );
    expect(new Set(names).size).toBe(names.length);
  });
});
