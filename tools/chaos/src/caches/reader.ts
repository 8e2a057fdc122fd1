import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { REPOSITORY } from '@coupon/platform';
import { TcpProxy } from '@coupon/testing';
import type { ReaderReport, ReaderSettings } from './reader-process';

export interface ReaderOptions {
  readonly settings: ReaderSettings;
  readonly onReport: (report: ReaderReport) => void;
}

/** A process with caches, behind networks of its own. */
export class Reader {
  /** It ended, and nobody has told it to. */
  ended = false;
  private stopping = false;

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
    readonly bus: TcpProxy,
    readonly mysql: TcpProxy,
  ) {
    child.once('exit', () => (this.ended = !this.stopping));
  }

  static async start({ settings, onReport }: ReaderOptions): Promise<Reader> {
    const [bus, mysql] = [await TcpProxy.inFrontOf(settings.amqpUrl), await TcpProxy.inFrontOf(settings.mysqlUrl)];
    const own: ReaderSettings = { ...settings, amqpUrl: bus.url, mysqlUrl: mysql.url };
    const child = fork(join(REPOSITORY, 'tools/chaos/src/caches/reader-process.ts'), [JSON.stringify(own)], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, TSX_TSCONFIG_PATH: join(REPOSITORY, 'tsconfig.base.json') },
    });
    child.on('message', (message) => onReport(message as ReaderReport));
    return new Reader(settings.name, child, bus, mysql);
  }

  /** Stands still (SIGSTOP); what arrives meanwhile waits for it. */
  async pauseFor(ms: number): Promise<void> {
    this.child.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const gone = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill('SIGKILL');
      await gone;
    }
    await Promise.all([this.bus.stop(), this.mysql.stop()]);
  }
}
