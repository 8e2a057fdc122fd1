import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY } from './layout';
import { openLogFolder, setLogOwner } from './run-files';

describe('openLogFolder', () => {
  let runFolder: string;

  beforeEach(() => {
    runFolder = mkdtempSync(join(tmpdir(), 'run-'));
  });

  afterEach(() => rmSync(runFolder, { recursive: true }));

  it('starts empty each time', () => {
    const logs = openLogFolder('demo', runFolder);
    expect(logs).toBe(join(runFolder, 'demo', 'logs'));
    writeFileSync(join(logs, 'old.log'), 'old');
    expect(existsSync(join(openLogFolder('demo', runFolder), 'old.log'))).toBe(false);
  });

  it('leaves the folder of a run that is under way alone', async () => {
    const logs = openLogFolder('demo', runFolder);
    const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)', REPOSITORY], {
      stdio: 'ignore',
    });
    await new Promise((resolve) => other.once('spawn', resolve));
    setLogOwner(logs, other.pid ?? 0);
    expect(openLogFolder('demo', runFolder)).toBe(join(runFolder, `demo.${process.pid}`, 'logs'));
    const ended = new Promise((resolve) => other.once('exit', resolve));
    other.kill('SIGKILL');
    await ended;
    expect(openLogFolder('demo', runFolder)).toBe(logs);
  });
});
