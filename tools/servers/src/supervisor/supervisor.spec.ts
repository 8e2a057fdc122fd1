import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pollUntil } from '../poll';
import { Supervisor } from './supervisor';
import type { ProcessSpec } from './supervisor';

describe('Supervisor', () => {
  let root: string;
  let supervisor: Supervisor;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'supervisor-'));
    supervisor = await Supervisor.start({ parent: join(root, 'runs'), purpose: 'spec' });
  });
  afterEach(async () => {
    await supervisor.stop();
    rmSync(root, { recursive: true });
  });

  const node = (name: string, script: string, more: Partial<ProcessSpec> = {}): ProcessSpec => ({
    name,
    command: process.execPath,
    args: ['-e', script],
    env: { ROOT: root },
    ...more,
  });
  const forever = 'setInterval(() => {}, 1000)';

  it('reports how a process ended and keeps what it wrote', async () => {
    const run = await supervisor.run(node('short', 'console.log("hello"); process.exit(3)'));
    expect(await run.exited).toEqual({ code: 3, signal: null });
    expect(readFileSync(run.logFile, 'utf8')).toBe('hello\n');
  });

  it('gives a process only the environment it was given, and a mark', async () => {
    const run = await supervisor.run(node('env', 'console.log(JSON.stringify(process.env))'));
    await run.exited;
    expect(JSON.parse(readFileSync(run.logFile, 'utf8'))).toEqual({
      ROOT: root,
      COUPON_RUN_DIRECTORY: supervisor.directory,
    });
  });

  it('ends a process with its children', async () => {
    const script = `const c = require('node:child_process').spawn(process.execPath, ['-e', '${forever}']); console.log(c.pid); ${forever}`;
    const run = await supervisor.run(node('parent', script));
    const child = await pollUntil(
      async () => {
        const pid = Number(readFileSync(run.logFile, 'utf8'));
        if (!pid) throw new Error('not yet');
        return pid;
      },
      { timeoutMs: 5000, intervalMs: 10, what: 'the child' },
    );
    await run.end();
    expect(await run.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await pollUntil(async () => expect(() => process.kill(child, 0)).toThrow(), {
      timeoutMs: 5000,
      intervalMs: 10,
      what: 'its end',
    });
  });

  it('refuses a name that is running, and rejects a program that does not exist', async () => {
    await supervisor.run(node('one', forever));
    await expect(supervisor.run(node('one', forever))).rejects.toThrow('one is already running');
    await expect(supervisor.run(node('none', '', { command: '/no/such/program' }))).rejects.toThrow(/ENOENT/);
  });

  it('lets processes with a grace period end in order, then removes everything and runs the clean-up', async () => {
    const script = `process.on('SIGTERM', () => { require('node:fs').writeFileSync(process.env.ROOT + '/ended', ''); process.exit() }); console.log('up'); ${forever}`;
    const graceful = await supervisor.run(node('graceful', script, { graceMs: 5000 }));
    await pollUntil(async () => expect(readFileSync(graceful.logFile, 'utf8')).toBe('up\n'), {
      timeoutMs: 5000,
      intervalMs: 10,
      what: 'the process',
    });
    await supervisor.run(node('other', forever));
    await supervisor.addCleanup(
      process.execPath,
      ['-e', `require('node:fs').writeFileSync('${root}/cleaned', '')`],
      {},
    );
    await supervisor.stop();
    expect(['ended', 'cleaned', 'runs'].map((name) => existsSync(join(root, name)))).toEqual([true, true, false]);
    expect(await graceful.exited).toMatchObject({ code: 0 });
  });

  it('refuses work after its end', async () => {
    await supervisor.stop();
    await supervisor.stop();
    await expect(supervisor.run(node('late', forever))).rejects.toThrow('the watchdog process has ended');
  });
});
