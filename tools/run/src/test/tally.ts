/** The part of Jest's JSON result that is counted. */
export interface JestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  /** Files that could not be run at all. */
  readonly numRuntimeErrorTestSuites: number;
  readonly numTotalTestSuites: number;
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** What was counted as failed and is not a failed test, one sentence each. */
  readonly remarks: readonly string[];
}

export const NOTHING: Tally = { passed: 0, failed: 0, remarks: [] };

/**
 * What a run of Jest comes to. A test that was skipped, a file that did not run and an end that the counts do not explain are failures:
 * nothing is skipped silently.
 */
export function tallyOf(result: JestResult | undefined, exitCode: number | null, files: number): Tally {
  if (!result) return { passed: 0, failed: 1, remarks: [`Jest ended without a result (exit code ${exitCode})`] };
  const skipped = result.numPendingTests + result.numTodoTests;
  const remarks: string[] = [];
  if (skipped > 0) remarks.push(`${skipped} tests were skipped`);
  const broken = result.numRuntimeErrorTestSuites;
  if (broken > 0) remarks.push(`${broken} files could not be run`);
  const absent = Math.max(0, files - result.numTotalTestSuites);
  if (absent > 0) remarks.push(`${absent} files were not run`);
  let failed = result.numFailedTests + skipped + broken + absent;
  if (exitCode === null) {
    failed += 1;
    remarks.push('Jest did not end by itself: a test left something open');
  }
  if (failed === 0 && exitCode !== 0) {
    failed = 1;
    remarks.push(`Jest ended with exit code ${exitCode} although no test failed`);
  }
  return { passed: result.numPassedTests, failed, remarks };
}

export function add(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, remarks: [...a.remarks, ...b.remarks] };
}

/** The last line of every run. */
export function lastLine({ passed, failed }: Pick<Tally, 'passed' | 'failed'>): string {
  return `${passed} passed, ${failed} failed`;
}
