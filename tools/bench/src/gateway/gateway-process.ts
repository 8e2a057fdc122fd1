import { join } from 'node:path';
import { RUN_FOLDER, bundleOf } from '@coupon/platform';
import { PortAllocator, Supervisor, pollUntil } from '@coupon/servers';
import type { SupervisedProcess } from '@coupon/servers';
import type { BenchContext } from '../bench';

const STOP_GRACE_MS = 12_000;
const READY_TIMEOUT_MS = 30_000;

/** Starts gateways as they are deployed: the bundle, its configuration in the environment. */
export class GatewayStarter {
  private readonly ports = new PortAllocator();
  private started = 0;

  private constructor(
    private readonly supervisor: Supervisor,
    private readonly logs: string,
  ) {}

  static async create({ defer }: Pick<BenchContext, 'defer'>, logs: string): Promise<GatewayStarter> {
    const supervisor = await Supervisor.start({ parent: RUN_FOLDER, purpose: 'bench-gateway' });
    defer(() => supervisor.stop());
    return new GatewayStarter(supervisor, logs);
  }

  /** Resolves when the gateway is ready. */
  async start(env: Readonly<Record<string, string>>): Promise<GatewayProcess> {
    this.started += 1;
    const [port, grpcPort] = [await this.ports.next(), await this.ports.next()];
    const logFile = join(this.logs, `seckill-gateway-${this.started}.log`);
    const supervised = await this.supervisor.run({
      name: `seckill-gateway-${this.started}`,
      command: process.execPath,
      args: ['--enable-source-maps', bundleOf('seckill-gateway')],
      env: {
        PATH: process.env['PATH'] ?? '',
        HTTP_HOST: '127.0.0.1',
        HTTP_PORT: String(port),
        GRPC_PORT: String(grpcPort),
        // Nobody listens there: no activity of a benchmark is unknown to Redis.
        ADMIN_GRPC_ADDRESS: '127.0.0.1:1',
        LOG_LEVEL: 'warn',
        ...env,
      },
      logFile,
      graceMs: STOP_GRACE_MS,
    });
    const gateway = new GatewayProcess(supervised, port, grpcPort);
    let ended = false;
    void supervised.exited.then(() => (ended = true));
    await pollUntil(() => gateway.probe(), {
      timeoutMs: READY_TIMEOUT_MS,
      intervalMs: 50,
      what: 'the gateway',
      giveUp: () => (ended ? new Error(`the gateway ended while starting, see ${logFile}`) : undefined),
    });
    return gateway;
  }
}

export class GatewayProcess {
  constructor(
    private readonly process: SupervisedProcess,
    readonly port: number,
    readonly grpcPort: number,
  ) {}

  get pid(): number {
    return this.process.pid;
  }

  async probe(): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${this.port}/health/ready`, { signal: AbortSignal.timeout(2_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`not ready: ${text}`);
  }

  /** The text of /metrics. */
  async metrics(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.port}/metrics`, { signal: AbortSignal.timeout(5_000) });
    return response.text();
  }

  async stop(): Promise<void> {
    await this.process.end('SIGTERM');
  }
}
