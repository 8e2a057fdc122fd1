import { randomBytes } from 'node:crypto';
import { exec, pollUntil } from '@coupon/servers';
import { testEngine } from '@coupon/testing';

const RUN_MS = 60_000;
const FIRST_RUN_MS = 900_000;

describe('images of the servers, official or built here', () => {
  const containers: string[] = [];
  let env: NodeJS.ProcessEnv = process.env;

  beforeAll(
    () => Promise.all((['mysql', 'redis', 'rabbitmq', 'dtm'] as const).map((kind) => testEngine(kind))),
    FIRST_RUN_MS,
  );
  afterAll(async () => {
    if (containers.length > 0) await docker('rm', '--force', '--volumes', ...containers);
  });

  async function docker(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await exec('docker', args, { timeoutMs: RUN_MS, env });
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  }

  /** Undefined, and said so, where this run has no container engine: the images have no use there. */
  async function run(
    kind: 'mysql' | 'redis' | 'rabbitmq' | 'dtm',
    options: string[],
    command: string[] = [],
  ): Promise<string | undefined> {
    const engine = await testEngine(kind);
    if (!engine) {
      process.stderr.write(`[images] no container engine in this run: the image of ${kind} is not tried\n`);
      return undefined;
    }
    if (engine.dockerHost !== null) env = { ...process.env, DOCKER_HOST: engine.dockerHost };
    const name = `coupon-image-${kind}-${randomBytes(4).toString('hex')}`;
    containers.push(name);
    await docker('run', '--detach', '--name', name, ...options, engine.image, ...command);
    return name;
  }

  const untilReady = (name: string, ...command: string[]): Promise<string> =>
    pollUntil(() => docker('exec', name, ...command), { timeoutMs: RUN_MS, intervalMs: 200, what: name });

  it('mysql creates the database and the user that the environment names', async () => {
    const name = await run('mysql', [
      ...['--env', "MYSQL_ROOT_PASSWORD=it's \\ secret", '--env', 'MYSQL_DATABASE=shop_x'],
      ...['--env', 'MYSQL_USER=clerk', '--env', 'MYSQL_PASSWORD=pass word'],
    ]);
    if (name === undefined) return;
    const query = ['mysql', '--host=127.0.0.1', '--batch', '--skip-column-names', '--execute'];
    const asClerk = await untilReady(
      name,
      ...query,
      'SELECT DATABASE(), CURRENT_USER()',
      '--user=clerk',
      '--password=pass word',
      'shop_x',
    );
    expect(asClerk).toBe('shop_x\tclerk@%');
    const asRoot = await docker('exec', name, ...query, 'SELECT 1', '--user=root', "--password=it's \\ secret");
    expect(asRoot).toBe('1');
    await expect(docker('exec', name, ...query, 'SELECT 1', '--user=root')).rejects.toThrow(/denied/);
  });

  it('mysql refuses to start without a word about the password of root', async () => {
    const name = await run('mysql', []);
    if (name === undefined) return;
    expect(await docker('wait', name)).toBe('1');
  });

  it('redis takes bare options and does not run as root', async () => {
    const name = await run('redis', [], ['--appendonly', 'yes', '--databases', '3']);
    if (name === undefined) return;
    expect(await untilReady(name, 'redis-cli', 'config', 'get', 'databases')).toBe('databases\n3');
    expect(await docker('exec', name, 'sh', '-c', "grep '^Uid:' /proc/1/status")).not.toMatch(/\s0\s/);
  });

  it('rabbitmq makes the user and the virtual host that the environment names', async () => {
    const name = await run('rabbitmq', [
      ...[
        '--env',
        'RABBITMQ_DEFAULT_USER=clerk',
        '--env',
        'RABBITMQ_DEFAULT_PASS=secret',
        '--env',
        'RABBITMQ_DEFAULT_VHOST=shop',
      ],
    ]);
    if (name === undefined) return;
    await untilReady(name, 'rabbitmq-diagnostics', '--quiet', 'check_port_connectivity');
    expect(await docker('exec', name, 'rabbitmqctl', '--quiet', 'list_vhosts')).toContain('shop');
    expect(await docker('exec', name, 'rabbitmqctl', '--quiet', 'authenticate_user', 'clerk', 'secret')).not.toMatch(
      /Error/,
    );
    expect(await docker('exec', name, 'rabbitmq-plugins', '--quiet', 'list', '--minimal', '--enabled')).toContain(
      'rabbitmq_management',
    );
  });

  it('dtm takes its settings from the environment and answers from inside', async () => {
    const name = await run('dtm', ['--env', 'HTTP_PORT=36799', '--env', 'LOG_LEVEL=error']);
    if (name === undefined) return;
    const query = ['wget', '-q', '-O', '-', 'http://127.0.0.1:36799/api/dtmsvr/query?gid=none'];
    expect(JSON.parse(await untilReady(name, ...query))).toEqual({ branches: [], transaction: null });
  });
});
