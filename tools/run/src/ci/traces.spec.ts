import { spawn } from 'node:child_process';
import { REPOSITORY } from '../platform/layout';
import { processesOf, refWithProtos } from './traces';

describe('processesOf', () => {
  it('finds a process by the folder in its command line until it is gone', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)', REPOSITORY], {
      stdio: 'ignore',
    });
    await new Promise((resolve) => child.once('spawn', resolve));
    expect(processesOf(REPOSITORY).has(child.pid ?? 0)).toBe(true);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    expect(processesOf(REPOSITORY).has(child.pid ?? 0)).toBe(false);
  });
});

describe('refWithProtos', () => {
  it('takes the first ref that exists', () => {
    expect(refWithProtos(REPOSITORY, ['no-such-ref', 'HEAD'])).toBe('HEAD');
    expect(refWithProtos(REPOSITORY, ['no-such-ref'])).toBeUndefined();
  });
});
