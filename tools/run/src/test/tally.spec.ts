import { add, lastLine, tallyOf } from './tally';

const result = {
  numPassedTests: 10,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numRuntimeErrorTestSuites: 0,
  numTotalTestSuites: 3,
};

describe('tallyOf', () => {
  it('counts tests', () => {
    expect(tallyOf(result, 0, 3)).toEqual({ passed: 10, failed: 0, remarks: [] });
    expect(tallyOf({ ...result, numFailedTests: 2 }, 1, 3)).toMatchObject({ passed: 10, failed: 2 });
  });

  it.each([
    ['skipped tests', { ...result, numPendingTests: 1, numTodoTests: 1 }, 0, 3, 2],
    ['files that could not be run', { ...result, numRuntimeErrorTestSuites: 1 }, 1, 3, 1],
    ['files that were not run', result, 0, 5, 2],
    ['something left open', result, null, 3, 1],
    ['an end that no test explains', result, 1, 3, 1],
    ['no result at all', undefined, null, 3, 1],
  ])('counts %s as failed and says so', (_, outcome, code, files, failed) => {
    const tally = tallyOf(outcome, code, files);
    expect(tally.failed).toBe(failed);
    expect(tally.remarks).toHaveLength(1);
  });

  it('adds up to the last line', () => {
    const sum = add(tallyOf(result, 0, 3), tallyOf({ ...result, numFailedTests: 1 }, 1, 3));
    expect(lastLine(sum)).toBe('20 passed, 1 failed');
  });
});
