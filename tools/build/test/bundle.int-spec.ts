import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import { EMBEDDED_MIGRATIONS, applyMigrations } from '@coupon/persistence';
import { eventually, useMysqlDatabase } from '@coupon/testing';

const run = promisify(execFile);
const root = join(__dirname, '..', '..', '..');
const fixtures = join(__dirname, 'fixtures');

describe('a built app', () => {
  const database = useMysqlDatabase({ migrate: (url) => applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS }) });
  const shop = useMysqlDatabase();
  let work: string;
  let sagaFolder: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    work = mkdtempSync(join(outsideOfRepository(), 'coupon-build-'));
    sagaFolder = await build({ app: 'saga-participant' });
  });

  afterEach(() => {
    children.splice(0).forEach((child) => child.kill('SIGKILL'));
  });

  afterAll(() => {
    rmSync(work, { recursive: true });
  });

  /** Builds, moves the result away from the repository, and returns the folder: nothing of node_modules is above it. */
  async function build(options: { app: string; entry?: string }): Promise<string> {
    const outDir = join(work, `${options.app}-built`);
    const script = `import { buildApp } from ${JSON.stringify(join(root, 'tools/build/build-app.mjs'))};
      await buildApp(${JSON.stringify({ ...options, outDir })});`;
    await run(process.execPath, ['--input-type=module', '--eval', script]);
    const elsewhere = join(work, 'elsewhere', options.app);
    mkdirSync(join(work, 'elsewhere'), { recursive: true });
    cpSync(outDir, elsewhere, { recursive: true });
    rmSync(outDir, { recursive: true });
    return elsewhere;
  }

  /** RabbitMQ and DTM are away: the service is degraded without them, not down. */
  const environment = (): Record<string, string> => ({
    HTTP_HOST: '127.0.0.1',
    AUTH_MODE: 'none',
    MYSQL_URL: database.url,
    SHOP_MYSQL_URL: shop.url,
    AMQP_URL: 'amqp://127.0.0.1:1',
    DTM_URL: 'http://127.0.0.1:1',
    DTM_GRPC_ADDRESS: '127.0.0.1:1',
    PAYMENT_WEBHOOK_SECRET: 'a secret of the provider',
  });

  it('keeps the names of the classes by which the reader of the binlog knows its events', async () => {
    const folder = await build({ app: 'seckill-worker' });
    const bundle = readFileSync(join(folder, 'main.js'), 'utf8');
    for (const name of ['Rotate', 'Query', 'Xid', 'TableMap', 'WriteRows', 'UpdateRows', 'DeleteRows', 'XaPrepare']) {
      expect(bundle).toMatch(new RegExp(`^var ${name} = class extends (?:BinlogEvent|RowsEvent) `, 'm'));
    }
  });

  it('brings its database up to date by itself, once', async () => {
    const migrate = () => run(process.execPath, ['main.js', 'migrate'], { cwd: sagaFolder, env: environment() });
    expect((await migrate()).stdout).toMatch(/^applied /);
    expect((await migrate()).stdout).toMatch(/^nothing to do, /);
  });

  it('runs alone in an empty folder: HTTP, gRPC reflection and an orderly end', async () => {
    const [httpPort, grpcPort] = [await freePort(), await freePort()];
    const child = spawn(process.execPath, ['--enable-source-maps', 'main.js'], {
      cwd: sagaFolder,
      env: { ...environment(), HTTP_PORT: String(httpPort), GRPC_PORT: String(grpcPort) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await eventually(async () => {
      expect((await fetch(`http://127.0.0.1:${httpPort}/health/ready`)).status).toBe(200);
    });
    expect(await reflectedServices(grpcPort)).toContain('grpc.health.v1.Health');
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    expect(output).toContain('"state":"STOPPED"');
  });

  it('has a package.json of its own with the exact versions of what it contains and nothing to install', async () => {
    const own = JSON.parse(readFileSync(join(sagaFolder, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    const installed = JSON.parse(readFileSync(join(root, 'node_modules/pino/package.json'), 'utf8')) as {
      version: string;
    };
    expect(own['name']).toBe('saga-participant');
    expect(own['dependencies']).toEqual({});
    expect(own['bundled']?.['pino']).toBe(installed.version);
    expect(existsSync(join(sagaFolder, 'main.js.map'))).toBe(true);
  });

  it('says in one line what is wrong with its configuration and exits with 1', async () => {
    const failure = await run(process.execPath, ['main.js'], {
      cwd: sagaFolder,
      env: { ...environment(), HTTP_PORT: 'x' },
    }).catch((error: unknown) => error as { code: number; stderr: string });
    expect(failure).toMatchObject({
      code: 1,
      stderr: 'invalid configuration: HTTP_PORT must be a port number from 0 to 65535\n',
    });
  });

  it('carries Prisma with its WebAssembly query compiler and the database driver', async () => {
    const folder = await build({ app: 'storage-fixture', entry: join(fixtures, 'storage-entry.ts') });
    const { stdout } = await run(process.execPath, ['main.js'], { cwd: folder, env: { MYSQL_URL: database.url } });
    expect(JSON.parse(stdout)).toMatchObject({ msg: 'counted', count: 0 });
  });

  it('points at the TypeScript line in a stack trace', async () => {
    const folder = await build({ app: 'throwing-fixture', entry: join(fixtures, 'throwing-entry.ts') });
    const failure = await run(process.execPath, ['--enable-source-maps', 'main.js'], { cwd: folder }).catch(
      (error: unknown) => error as { stderr: string },
    );
    expect(failure.stderr).toMatch(/throwing-entry\.ts:3/);
  });

  it('is refused when a package would look for its files at run time', async () => {
    const source = join(work, 'unbundlable');
    const packageFolder = join(source, 'node_modules', 'reads-a-file');
    mkdirSync(packageFolder, { recursive: true });
    writeFileSync(join(packageFolder, 'package.json'), '{"name":"reads-a-file","version":"1.0.0","main":"index.js"}');
    writeFileSync(join(packageFolder, 'index.js'), 'require("fs").readFileSync(__dirname + "/data.txt");');
    writeFileSync(join(source, 'entry.ts'), "import 'reads-a-file';");
    await expect(build({ app: 'unbundlable', entry: join(source, 'entry.ts') })).rejects.toThrow('uses __dirname');
  });
});

/** A temporary folder inside the repository would let the bundle find node_modules above itself. */
function outsideOfRepository(): string {
  return tmpdir().startsWith(root) ? '/tmp' : tmpdir();
}

/** ServerReflectionRequest{list_services="*"}; the names are plain text in the answer. */
function reflectedServices(port: number): Promise<string> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const identity = (buffer: Buffer): Buffer => buffer;
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const stream = client.makeBidiStreamRequest<Buffer, Buffer>(path, identity, identity, new Metadata());
  return new Promise<string>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', (reply: Buffer) => {
      resolve(reply.toString('latin1'));
      stream.end();
    });
    stream.write(Buffer.from([0x3a, 0x01, 0x2a]));
  }).finally(() => {
    client.close();
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
