import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { REPOSITORY } from '@coupon/platform';

const START_TIMEOUT_MS = 20_000;
const OUT = join(REPOSITORY, '.cache', 'bench');

/** Bundles an entry of this project, so that its process starts at once and runs what V8 sees in production. @returns the file. */
export async function bundle(entry: string): Promise<string> {
  mkdirSync(OUT, { recursive: true });
  const outfile = join(OUT, `${entry.replaceAll('/', '-')}-${process.pid}.js`);
  await build({
    entryPoints: [join(REPOSITORY, 'tools', 'bench', 'src', `${entry}.ts`)],
    outfile,
    absWorkingDir: REPOSITORY,
    tsconfig: join(REPOSITORY, 'tsconfig.base.json'),
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    logLevel: 'warning',
  });
  return outfile;
}

/** A process of the benchmark with a channel to it. It ends when this process does. */
export class BenchChild<Ready extends object = object> {
  private constructor(
    private readonly child: ChildProcess,
    readonly pid: number,
    readonly ready: Ready,
  ) {}

  /** Resolves when the process has sent its first message. The bundle is loaded then, and removed. */
  static async start<Ready extends object>(file: string, args: readonly string[] = []): Promise<BenchChild<Ready>> {
    const child = fork(file, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
    const ready = await answerOf<Ready>(child, START_TIMEOUT_MS);
    rmSync(file, { force: true });
    if (child.pid === undefined) throw new Error(`${file} did not start`);
    return new BenchChild(child, child.pid, ready);
  }

  /** Sends a message and resolves with the answer; one at a time. */
  async ask<Answer extends object>(message: object, timeoutMs: number): Promise<Answer> {
    const answer = answerOf<Answer>(this.child, timeoutMs);
    this.child.send(message);
    return answer;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }
}

function answerOf<T extends object>(child: ChildProcess, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      child.removeListener('message', onMessage);
      child.removeListener('exit', onExit);
      act();
    };
    const onMessage = (message: unknown): void => settle(() => resolve(message as T));
    const onExit = (code: number | null): void =>
      settle(() => reject(new Error(`a process of the benchmark ended (${code})`)));
    const timer = setTimeout(
      () => settle(() => reject(new Error(`a process of the benchmark said nothing for ${timeoutMs} ms`))),
      timeoutMs,
    );
    child.on('message', onMessage);
    child.on('exit', onExit);
  });
}
