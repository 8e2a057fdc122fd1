import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const REPOSITORY = join(__dirname, '..', '..', '..', '..');
const MAIN = join(REPOSITORY, 'apps', 'seckill-gateway', 'src', 'main.ts');

/** The gateway as a process of its own, from its sources. */
export class GatewayProcess {
  private output = '';

  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    readonly grpcAddress: string,
  ) {
    child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
  }

  static async start(environment: Readonly<Record<string, string>>): Promise<GatewayProcess> {
    const [http, grpc] = [await freePort(), await freePort()];
    const child = spawn(process.execPath, ['--import', 'tsx', MAIN], {
      cwd: REPOSITORY,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '',
        TSX_TSCONFIG_PATH: join(REPOSITORY, 'tsconfig.base.json'),
        NODE_ENV: 'test',
        AUTH_MODE: 'none',
        HTTP_HOST: '127.0.0.1',
        HTTP_PORT: String(http),
        GRPC_PORT: String(grpc),
        ADMIN_GRPC_ADDRESS: '127.0.0.1:1',
        // The machine that runs the tests may be busy; what sheds is tested where the load is made.
        FULL_LOAD_DELAY_MS: '60000',
        ...environment,
      },
    });
    return new GatewayProcess(child, `http://127.0.0.1:${http}`, `127.0.0.1:${grpc}`);
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`the gateway did not start: ${this.output}`);
    return this.child.pid;
  }

  /** What it has written so far. */
  get text(): string {
    return this.output;
  }

  /** The processes it has started. */
  children(): number[] {
    const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
    const rows = table.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
    return rows.flatMap(([pid, parent]) => (parent === this.pid && pid !== undefined ? [pid] : []));
  }

  /** Exit code, or the signal's name; null while it runs. */
  get ended(): number | string | null {
    return this.child.exitCode ?? this.child.signalCode;
  }

  /** @returns exit code, or the signal's name. */
  async end(signal: NodeJS.Signals): Promise<number | string> {
    if (this.ended !== null) return this.ended;
    const exited = once(this.child, 'exit') as Promise<[number | null, string | null]>;
    this.child.kill(signal);
    const [code, by] = await exited;
    return code ?? by ?? '';
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
