import { join } from 'node:path';
import { REPOSITORY } from '@coupon/platform';
import { cpuSecondsOf } from '../process/cpu';
import type { SupervisedProcess, Supervisor } from '@coupon/servers';

export interface WorkerProcessOptions {
  readonly supervisor: Supervisor;
  readonly env: Readonly<Record<string, string>>;
  readonly httpUrl: string;
  readonly logFile: string;
}

const BUNDLE = join(REPOSITORY, 'dist', 'apps', 'seckill-worker', 'main.js');
const STOP_GRACE_MS = 15_000;

/** The real worker process, as it is deployed. */
export class WorkerProcess {
  private constructor(private readonly process: SupervisedProcess) {}

  static async start(options: WorkerProcessOptions): Promise<WorkerProcess> {
    const started = await options.supervisor.run({
      name: 'seckill-worker',
      command: process.execPath,
      args: ['--enable-source-maps', BUNDLE],
      env: options.env,
      logFile: options.logFile,
      graceMs: STOP_GRACE_MS,
    });
    return new WorkerProcess(started);
  }

  /** CPU time used so far, user and system; 0 where the system does not tell. */
  cpuSeconds(): number {
    return cpuSecondsOf(this.process.pid) ?? 0;
  }

  async stop(): Promise<void> {
    await this.process.end('SIGTERM');
  }
}
