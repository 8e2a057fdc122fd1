import { eventually } from './eventually';

describe('eventually', () => {
  it('resolves with the first value that is not false', async () => {
    let calls = 0;
    expect(await eventually(() => (++calls < 3 ? false : calls), { intervalMs: 1 })).toBe(3);
  });

  it('tries again while the check throws or rejects', async () => {
    let calls = 0;
    const check = async (): Promise<string> => {
      if (++calls < 3) throw new Error('not yet');
      return 'done';
    };
    expect(await eventually(check, { intervalMs: 1 })).toBe('done');
  });

  it('rejects at the deadline with what the check said last', async () => {
    const check = (): void => expect(1).toBe(2);
    await expect(eventually(check, { timeoutMs: 20, intervalMs: 1 })).rejects.toThrow(/Expected: .*2/);
  });

  it('rejects at the deadline when the condition stays false', async () => {
    await expect(eventually(() => false, { timeoutMs: 20, intervalMs: 1 })).rejects.toThrow(
      'did not hold within 20 ms',
    );
  });
});
