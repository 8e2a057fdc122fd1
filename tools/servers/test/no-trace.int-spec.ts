import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { pollUntil } from '../src';

const ROOT = join(__dirname, '..', '..', '..');
const GONE_MS = 20_000;

interface Held {
  readonly directory: string;
  readonly url: string;
  readonly pid?: number;
}

/** Runs the fixture and resolves with what it says once its server answers. */
async function hold(mode = 'stay'): Promise<{ held: Held; end: (signal: NodeJS.Signals) => void }> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'fixtures', 'hold-servers.ts'), mode], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await Promise.race([
    new Promise<string[]>((resolve) =>
      createInterface({ input: child.stdout }).once('line', (text) => resolve([text])),
    ),
    new Promise<string[]>((_, reject) =>
      child.once('exit', () => setTimeout(reject, 500, new Error('the fixture ended early'))),
    ),
  ]);
  return { held: JSON.parse(line ?? '') as Held, end: (signal) => void child.kill(signal) };
}

function processesOf(directory: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        `${readFileSync(`/proc/${pid}/environ`, 'latin1')}${readFileSync(`/proc/${pid}/cmdline`, 'latin1')}`.includes(
          directory,
        )
      );
    } catch {
      return false; // ended in between
    }
  });
}

async function expectNoTrace({ directory, url }: Held): Promise<void> {
  await pollUntil(
    async () => {
      expect({ directory: existsSync(directory), processes: processesOf(directory) }).toEqual({
        directory: false,
        processes: [],
      });
    },
    { timeoutMs: GONE_MS, intervalMs: 50, what: 'the clean-up' },
  );
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => undefined); // the refused connection is what is expected
  await expect(client.connect()).rejects.toThrow();
}

describe('a run leaves no process and no file', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('when its process ends by %s', async (signal) => {
    const { held, end } = await hold();
    expect(processesOf(held.directory).length).toBeGreaterThan(0);
    end(signal);
    await expectNoTrace(held);
  });

  it('when the watchdog and its parent are killed together, after the next run', async () => {
    const { held, end } = await hold();
    const watchdog = processesOf(held.directory).find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('watchdog.js'),
    );
    end('SIGSTOP'); // it must not clean up for the watchdog
    process.kill(Number(watchdog), 'SIGKILL');
    end('SIGKILL');
    await pollUntil(async () => expect(processesOf(held.directory)).toHaveLength(1), {
      timeoutMs: GONE_MS,
      intervalMs: 50,
      what: 'the kill',
    });
    const next = await hold();
    await expectNoTrace(held);
    next.end('SIGINT');
    await expectNoTrace(next.held);
  });

  it('when only the watchdog is killed: its parent cleans up', async () => {
    const { held, end } = await hold();
    const watchdog = processesOf(held.directory).find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('watchdog.js'),
    );
    process.kill(Number(watchdog), 'SIGKILL');
    await expectNoTrace(held);
    end('SIGKILL');
  });

  it('when it was detached and is ended by a signal to the process it names', async () => {
    const { held } = await hold('detach');
    const client = new Redis(held.url);
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
    process.kill(held.pid ?? 0, 'SIGTERM');
    await expectNoTrace(held);
  });
});
