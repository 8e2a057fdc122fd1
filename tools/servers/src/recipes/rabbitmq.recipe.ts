import { mkdirSync, readFileSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { dirname, join } from 'node:path';
import { connect } from 'amqplib';
import { exec, findProgram, isExecutable } from '../exec';
import type { ServerAddresses, ServerIdentity } from '../types';
import { freshSecret } from '../urls';
import { isAtLeast, plainEnvironment } from './recipe';
import type { ContainerLaunch, Installation, Launch, LaunchContext, Recipe, UnpackedTree } from './recipe';

const USER = 'coupon';
const PROBE_TIMEOUT_MS = 3000;
const SETTINGS = join(__dirname, '..', '..', '..', '..', 'infra', 'rabbitmq', 'coupon.conf');

export const rabbitmqRecipe: Recipe = {
  kind: 'rabbitmq',
  variable: 'AMQP_URL',
  furtherAddresses: (_url, env) => {
    const managementUrl = env['AMQP_MANAGEMENT_URL'];
    return managementUrl === undefined ? {} : { managementUrl };
  },
  advice: 'RabbitMQ is missing: install rabbitmq-server 3.10 or newer, best 4 (or Docker), or set AMQP_URL.',
  packages: [
    // Newer than trixie's 4.0, and like the official image of today: topic routing there costs half.
    { suite: 'sid', names: ['rabbitmq-server'] },
    { suite: 'trixie', names: ['rabbitmq-server'] },
    { suite: 'system', names: ['rabbitmq-server'] },
  ],
  systemPackages: ['rabbitmq-server'],
  findLocal: async (path) => {
    const onPath = findProgram('rabbitmq-server', path);
    // Debian's program on PATH insists on its own user; the one it starts does not.
    const server = ['/usr/lib/rabbitmq/bin/rabbitmq-server', onPath].find(
      (file) => file !== undefined && isExecutable(file),
    );
    const erl = findProgram('erl', path);
    return server === undefined || erl === undefined ? undefined : inspect(realpathSync(server), '/usr', dirname(erl));
  },
  findUnpacked: async (tree: UnpackedTree) => {
    const usr = join(tree.directory, 'usr');
    const lib = join(usr, 'lib', 'rabbitmq', 'lib');
    const server = readdirSync(lib).find((name) => name.startsWith('rabbitmq_server-'));
    if (server === undefined) return undefined;
    return inspect(join(lib, server, 'sbin', 'rabbitmq-server'), usr, join(usr, 'lib', 'erlang', 'bin'));
  },
  launch,
  container,
  probe,
};

/** The version is part of the directory's name in every distribution: asking the program would take seconds. */
async function inspect(server: string, usr: string, path: string): Promise<Installation | undefined> {
  const version =
    /rabbitmq_server-(\d+(?:\.\d+)+)/.exec(server)?.[1] ??
    (await exec(server, ['--version'], { timeoutMs: 5000 })).stdout.trim();
  if (!isAtLeast(version, 3, 10)) return undefined;
  return { kind: 'rabbitmq', flavour: 'rabbitmq', version, usr, server: { command: '/bin/sh', args: [server] }, path };
}

async function launch(installation: Installation, context: LaunchContext): Promise<Launch> {
  const directory = realpathSync(context.directory);
  const [port, managementPort, distributionPort, epmdPort] = [
    await context.ports.next(),
    await context.ports.next(),
    await context.ports.next(),
    await context.ports.next(),
  ];
  const password = freshSecret();
  const configFile = join(directory, 'rabbitmq.conf');
  writeFileSync(configFile, configuration(port, managementPort, password), { mode: 0o600 });
  writeFileSync(join(directory, 'enabled_plugins'), '[rabbitmq_management].\n');
  mkdirSync(join(directory, 'data'), { recursive: true });
  const env = {
    ...plainEnvironment(directory, installation.path),
    RABBITMQ_NODENAME: 'coupon@localhost',
    RABBITMQ_DIST_PORT: String(distributionPort),
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_CONFIG_FILE: configFile,
    RABBITMQ_CONF_ENV_FILE: join(directory, 'none'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'none'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(directory, 'data'),
    RABBITMQ_LOG_BASE: directory,
    RABBITMQ_LOGS: '-',
    // The start script then becomes the broker instead of waiting for it: one process, which its parent sees end.
    detached: 'true',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  };
  const main = { name: 'rabbitmq', ...installation.server, env, cwd: directory };
  const epmd = {
    name: 'epmd',
    command: epmdOf(installation),
    args: ['-port', String(epmdPort), '-address', '127.0.0.1'],
  };
  return {
    addresses: {
      url: `amqp://${USER}:${password}@127.0.0.1:${port}`,
      managementUrl: `http://${USER}:${password}@127.0.0.1:${managementPort}`,
    },
    // Started by the broker it would be a daemon that outlives it; started by us it is one more process of the run.
    companion: { ...epmd, env, cwd: directory, port: epmdPort },
    main,
  };
}

function epmdOf(installation: Installation): string {
  const erlang = join(installation.usr, 'lib', 'erlang');
  const runtimes = readDirectory(erlang).filter((name) => name.startsWith('erts-'));
  const candidates = [
    ...runtimes.map((name) => join(erlang, name, 'bin', 'epmd')),
    join(installation.path ?? '', 'epmd'),
  ];
  const found = candidates.find(isExecutable);
  if (found === undefined) throw new Error(`Erlang's epmd was not found in ${candidates.join(', ')}`);
  return found;
}

function readDirectory(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // an Erlang installed elsewhere: its programs are on the PATH then
  }
}

function configuration(port: number, managementPort: number, password: string): string {
  return [
    `listeners.tcp.default = 127.0.0.1:${port}`,
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${managementPort}`,
    `default_user = ${USER}`,
    `default_pass = ${password}`,
    'default_user_tags.administrator = true',
    'log.console.level = warning',
    'vm_memory_high_watermark.relative = 0.4',
    'disk_free_limit.absolute = 200MB',
    readFileSync(SETTINGS, 'utf8'),
  ].join('\n');
}

function container(): ContainerLaunch {
  const password = freshSecret();
  return {
    image: 'rabbitmq:4-management',
    env: { RABBITMQ_DEFAULT_USER: USER, RABBITMQ_DEFAULT_PASS: password },
    command: [],
    containerPorts: [5672, 15672],
    urls: ([port, managementPort], host = '127.0.0.1') => ({
      url: `amqp://${USER}:${password}@${host}:${port}`,
      managementUrl: `http://${USER}:${password}@${host}:${managementPort}`,
    }),
  };
}

async function probe({ url, managementUrl }: ServerAddresses): Promise<ServerIdentity> {
  const connection = await connect(url, { timeout: PROBE_TIMEOUT_MS });
  connection.on('error', () => undefined); // ends with the probe, nobody waits for it
  const properties = connection.connection.serverProperties as { version?: string };
  await connection.close();
  if (managementUrl !== undefined) await probeManagement(managementUrl);
  return { flavour: 'rabbitmq', version: properties.version ?? 'unknown' };
}

/** Not fetch: its idle connections keep a process alive for seconds. */
function probeManagement(managementUrl: string): Promise<void> {
  const { hostname, port, username, password } = new URL(managementUrl);
  const auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return new Promise((resolve, reject) => {
    const call = get(
      { hostname, port, path: '/api/vhosts', auth, agent: false, timeout: PROBE_TIMEOUT_MS },
      (answer) => {
        answer.resume();
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`the management API answered ${answer.statusCode}`));
      },
    );
    call.on('timeout', () => call.destroy(new Error('the management API did not answer in time')));
    call.on('error', reject);
  });
}
