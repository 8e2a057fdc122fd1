import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from './lock.mjs';

describe('withLock', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lock-'));
    file = join(folder, 'sub', 'bootstrap.lock');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('lets one after the other work and leaves no file', async () => {
    const order: string[] = [];
    const work = (name: string) => async (): Promise<void> => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} ends`);
    };
    await Promise.all([withLock(file, () => undefined, work('a')), withLock(file, () => undefined, work('b'))]);
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
    expect(existsSync(file)).toBe(false);
  });

  it('takes over the lock of a process that is gone', async () => {
    await withLock(
      file,
      () => undefined,
      async () => undefined,
    );
    writeFileSync(file, '4194303'); // above every process id that Linux gives out by default
    await expect(
      withLock(
        file,
        () => undefined,
        async () => 'done',
      ),
    ).resolves.toBe('done');
  });

  it('gives the lock back when the work fails', async () => {
    await expect(
      withLock(
        file,
        () => undefined,
        () => Promise.reject(new Error('no')),
      ),
    ).rejects.toThrow('no');
    expect(existsSync(file)).toBe(false);
  });
});
