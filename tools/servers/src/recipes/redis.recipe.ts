import { realpathSync } from 'node:fs';
import { Redis } from 'ioredis';
import { exec, findProgram } from '../exec';
import type { ServerAddresses, ServerIdentity } from '../types';
import { isAtLeast, plainEnvironment } from './recipe';
import type { ContainerLaunch, Executable, Installation, Launch, LaunchContext, Recipe, UnpackedTree } from './recipe';

/** Tests take a logical database each. */
const DATABASES = 256;
const PROBE_TIMEOUT_MS = 2000;

/** Every acknowledged write is on disk, and nothing is ever evicted: what the claim path needs. */
const SETTINGS = [
  ...['--appendonly', 'yes', '--appendfsync', 'always', '--no-appendfsync-on-rewrite', 'no'],
  ...['--save', '', '--maxmemory-policy', 'noeviction', '--databases', String(DATABASES)],
];

export const redisRecipe: Recipe = {
  kind: 'redis',
  variable: 'REDIS_URL',
  advice: 'Redis is missing: install redis-server 7 or newer (or Docker), or set REDIS_URL.',
  packages: [
    { suite: 'trixie', names: ['redis-server'] },
    { suite: 'sid', names: ['redis-server'] },
    { suite: 'system', names: ['redis-server'] },
  ],
  systemPackages: ['redis-server'],
  findLocal: async (path) => {
    const program = findProgram('redis-server', path) ?? findProgram('valkey-server', path);
    return program === undefined ? undefined : inspect({ command: program, args: [] }, '/usr');
  },
  findUnpacked: (tree: UnpackedTree) => inspect(tree.executable('usr/bin/redis-server'), `${tree.directory}/usr`),
  launch,
  container,
  probe,
};

async function inspect(server: Executable, usr: string): Promise<Installation | undefined> {
  const { stdout } = await exec(server.command, [...server.args, '--version'], { timeoutMs: 5000 });
  const version = /v=(\d+(?:\.\d+)+)/.exec(stdout)?.[1];
  if (version === undefined || !isAtLeast(version, 7)) return undefined;
  const flavour = /valkey/i.test(stdout) ? 'valkey' : 'redis';
  return { kind: 'redis', flavour, version, usr, server };
}

async function launch(installation: Installation, context: LaunchContext): Promise<Launch> {
  const port = await context.ports.next();
  const directory = realpathSync(context.directory);
  return {
    addresses: { url: `redis://127.0.0.1:${port}` },
    main: {
      name: 'redis',
      command: installation.server.command,
      args: [
        ...installation.server.args,
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--daemonize', 'no'],
        ...SETTINGS,
      ],
      env: plainEnvironment(directory),
      cwd: directory,
    },
  };
}

function container(): ContainerLaunch {
  return {
    image: 'redis:8',
    env: {},
    command: ['redis-server', ...SETTINGS],
    containerPorts: [6379],
    urls: ([port], host = '127.0.0.1') => ({ url: `redis://${host}:${port}` }),
  };
}

async function probe({ url }: ServerAddresses): Promise<ServerIdentity> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: PROBE_TIMEOUT_MS,
    commandTimeout: PROBE_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    disconnectTimeout: 1, // its timer stays when the connection was refused, and keeps the process alive
    retryStrategy: () => null,
  });
  client.on('error', () => undefined); // the rejected command says the same
  try {
    await client.connect();
    const info = await client.info();
    if (/^loading:1/m.test(info)) throw new Error('Redis is still loading its data');
    const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1];
    const redis = /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
    return valkey === undefined ? { flavour: 'redis', version: redis } : { flavour: 'valkey', version: valkey };
  } finally {
    client.disconnect();
  }
}
