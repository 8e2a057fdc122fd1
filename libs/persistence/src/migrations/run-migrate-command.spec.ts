import { runMigrateProcess } from './run-migrate-command';

const NOBODY = 'mysql://root@127.0.0.1:1/coupon';

describe('migrate as a process', () => {
  const written = { stdout: '', stderr: '' };
  const exitCode = process.exitCode;

  beforeEach(() => {
    for (const stream of ['stdout', 'stderr'] as const) {
      written[stream] = '';
      jest.spyOn(process[stream], 'write').mockImplementation((text) => {
        written[stream] += String(text);
        return true;
      });
    }
  });

  afterEach(() => {
    jest.restoreAllMocks();
    process.exitCode = exitCode;
  });

  it('says how it is called, and that it was not', async () => {
    await runMigrateProcess({ args: ['--nonsense'], url: NOBODY, variable: 'SHOP_MYSQL_URL' });
    expect([process.exitCode, written]).toEqual([
      2,
      { stdout: 'usage: migrate [--folder DIR]   (SHOP_MYSQL_URL names the database)\n', stderr: '' },
    ]);
  });

  it('says on standard error what has failed', async () => {
    await runMigrateProcess({ args: [], url: NOBODY });
    expect([process.exitCode, written.stdout]).toEqual([1, '']);
    expect(written.stderr).toMatch(/^[^\n]+\n$/);
  });
});
