import { describeOutcome, runCheck } from './run-check';

const signal = new AbortController().signal;

describe('runCheck', () => {
  it('says in one line that a check holds', async () => {
    const outcome = await runCheck(
      { name: 'fine', command: ['node', '-e', ''], timeoutMs: 5_000 },
      process.cwd(),
      signal,
    );
    expect(describeOutcome(outcome)).toEqual([expect.stringMatching(/^ok {4}fine +\d+\.\d s$/)]);
  });

  it('shows the output of one that does not, and what to type to see it', async () => {
    const command = ['node', '-e', 'console.error("broken"); process.exit(3)'] as const;
    const outcome = await runCheck({ name: 'bad', command: [...command], timeoutMs: 5_000 }, process.cwd(), signal);
    const lines = describeOutcome(outcome);
    expect(lines[0]).toMatch(/^FAIL {2}bad/);
    expect(lines).toContain('      broken');
    expect(lines.at(-1)).toContain('to see it: npx node -e');
  });

  it('ends a check that hangs, as failed', async () => {
    const command: [string, ...string[]] = ['node', '-e', 'setInterval(() => undefined, 1000)'];
    const outcome = await runCheck({ name: 'hangs', command, timeoutMs: 300 }, process.cwd(), signal);
    expect(outcome.ok).toBe(false);
    expect(outcome.output).toContain('ended by SIGTERM');
  });
});
