import { cpSync, existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { exec, findProgram } from '../exec';
import type { ServerAddresses, ServerIdentity } from '../types';
import { freshSecret } from '../urls';
import { mariadbBootstrapSql } from './mariadb-bootstrap';
import { isAtLeast, plainEnvironment } from './recipe';
import type { ContainerLaunch, Executable, Installation, Launch, LaunchContext, Recipe, UnpackedTree } from './recipe';

const INITIALISE_TIMEOUT_MS = 120_000;
const PROBE_TIMEOUT_MS = 3000;

/** An acknowledged commit is on disk, in InnoDB and in the binlog; rows in the binlog for the cache invalidation; UTC everywhere. */
const SETTINGS = [
  '--innodb-flush-log-at-trx-commit=1',
  '--sync-binlog=1',
  '--binlog-row-image=FULL',
  // Each change carries the names and signs of its columns: an old one is read right after ALTER TABLE.
  '--binlog-row-metadata=FULL',
  '--server-id=1',
  '--default-time-zone=+00:00',
  '--character-set-server=utf8mb4',
  '--innodb-buffer-pool-size=256M',
  '--max-connections=500',
];
const MYSQL_SETTINGS = ['--innodb-redo-log-capacity=256M', '--mysqlx=OFF', '--performance-schema=OFF'];
const MARIADB_SETTINGS = ['--innodb-log-file-size=256M', '--log-bin=binlog', '--binlog-format=ROW'];

const MARIADB_PACKAGES = [
  { suite: 'system', names: ['mariadb-server-core'] },
  { suite: 'trixie', names: ['mariadb-server-core'] },
];

/** MySQL 8.4 or newer, or MariaDB 10.11 or newer where there is no such MySQL. */
export const mysqlRecipe: Recipe = {
  kind: 'mysql',
  variable: 'MYSQL_URL',
  advice: 'MySQL is missing: install MySQL 8.4 or newer, or MariaDB 10.11 or newer (or Docker), or set MYSQL_URL.',
  packages: [
    { suite: 'sid', names: ['mysql-server-core'] },
    { suite: 'system', names: ['mysql-server-core-8.4'] },
    ...MARIADB_PACKAGES,
  ],
  systemPackages: ['mariadb-server-core'],
  findLocal: (path) => findLocal('mysql', path),
  findUnpacked: (tree) => findUnpacked('mysql', tree),
  launch,
  container: () => container('mysql:8.4', MYSQL_SETTINGS),
  probe,
};

export const mariadbRecipe: Recipe = {
  kind: 'mariadb',
  variable: 'MARIADB_URL',
  advice: 'MariaDB is missing: install MariaDB 10.11 or newer (or Docker), or set MARIADB_URL.',
  packages: MARIADB_PACKAGES,
  systemPackages: ['mariadb-server-core'],
  findLocal: (path) => findLocal('mariadb', path),
  findUnpacked: (tree) => findUnpacked('mariadb', tree),
  launch,
  container: () => container('mariadb:10.11', MARIADB_SETTINGS),
  probe,
};

type DatabaseKind = 'mysql' | 'mariadb';

async function findLocal(kind: DatabaseKind, path: string): Promise<Installation | undefined> {
  const names = kind === 'mysql' ? ['mysqld', 'mariadbd'] : ['mariadbd', 'mysqld'];
  for (const program of names.map((name) => findProgram(name, path))) {
    if (program === undefined) continue;
    const real = realpathSync(program);
    const installation = await inspect(kind, { command: real, args: [] }, join(real, '..', '..'));
    if (installation) return installation;
  }
  return undefined;
}

async function findUnpacked(kind: DatabaseKind, tree: UnpackedTree): Promise<Installation | undefined> {
  const usr = join(tree.directory, 'usr');
  for (const name of ['mysqld', 'mariadbd']) {
    const installation = await inspect(kind, tree.executable(`usr/sbin/${name}`), usr);
    if (installation) return installation;
  }
  return undefined;
}

async function inspect(kind: DatabaseKind, server: Executable, usr: string): Promise<Installation | undefined> {
  const { stdout } = await exec(server.command, [...server.args, '--no-defaults', '--version'], { timeoutMs: 10_000 });
  const version = /Ver (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (version === undefined) return undefined;
  const flavour = /mariadb/i.test(stdout) ? 'mariadb' : 'mysql';
  const recent = flavour === 'mysql' ? kind === 'mysql' && isAtLeast(version, 8, 4) : isAtLeast(version, 10, 11);
  return recent ? { kind, flavour, version, usr, server } : undefined;
}

async function launch(installation: Installation, context: LaunchContext): Promise<Launch> {
  const directory = realpathSync(context.directory);
  const data = join(directory, 'data');
  await createData(installation, context, data);
  const port = await context.ports.next();
  const password = freshSecret();
  const initFile = join(directory, 'init.sql');
  writeFileSync(initFile, administratorSql(password), { mode: 0o600 });
  return {
    addresses: { url: `mysql://root:${password}@127.0.0.1:${port}` },
    main: {
      name: installation.kind,
      command: installation.server.command,
      args: [
        ...installation.server.args,
        ...baseArguments(installation, data),
        ...SETTINGS,
        ...(installation.flavour === 'mysql' ? MYSQL_SETTINGS : MARIADB_SETTINGS),
        '--skip-name-resolve',
        '--bind-address=127.0.0.1',
        `--port=${port}`,
        // Relative to the data directory: the path of a socket may have 107 characters at most.
        '--socket=mysql.sock',
        '--pid-file=mysql.pid',
        `--init-file=${initFile}`,
      ],
      env: plainEnvironment(directory),
      cwd: directory,
    },
  };
}

function baseArguments({ flavour, usr }: Installation, data: string): string[] {
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  const messages = `--lc-messages-dir=${join(usr, 'share', 'mysql')}`;
  const common = ['--no-defaults', ...user, `--basedir=${usr}`, `--datadir=${data}`];
  return flavour === 'mysql'
    ? [...common, messages, '--secure-file-priv=NULL', `--plugin-dir=${join(usr, 'lib', 'mysql', 'plugin')}`]
    : [...common, messages, `--plugin-dir=${join(usr, 'lib', 'mysql', 'plugin')}`];
}

/** The first run initialises an empty data directory and keeps a copy of it: later runs, and tests, start in a second. */
async function createData(installation: Installation, context: LaunchContext, data: string): Promise<void> {
  const template = join(context.cacheDirectory, `${installation.flavour}-${installation.version}-data`);
  if (!existsSync(template)) await initialise(installation, context, template);
  cpSync(template, data, { recursive: true });
  rmSync(join(data, 'auto.cnf'), { force: true }); // each server gets an identity of its own
}

async function initialise(installation: Installation, context: LaunchContext, template: string): Promise<void> {
  const fresh = join(realpathSync(context.directory), 'initial-data');
  const isMysql = installation.flavour === 'mysql';
  const bootstrapFile = join(context.directory, 'bootstrap.sql');
  if (!isMysql) {
    mkdirSync(fresh, { recursive: true });
    writeFileSync(bootstrapFile, mariadbBootstrapSql(join(installation.usr, 'share', 'mysql')));
  }
  const mode = isMysql
    ? ['--initialize-insecure', '--innodb-redo-log-capacity=8M']
    : ['--bootstrap', '--innodb-log-file-size=8M'];
  const run = await context.supervisor.run({
    name: `${installation.kind}-initialise`,
    command: installation.server.command,
    args: [...installation.server.args, ...baseArguments(installation, fresh), ...mode, '--max-connections=10'],
    env: plainEnvironment(context.directory),
    ...(isMysql ? {} : { stdinFile: bootstrapFile }),
  });
  const timeout = setTimeout(() => void run.signal('SIGKILL'), INITIALISE_TIMEOUT_MS);
  const exit = await run.exited;
  clearTimeout(timeout);
  if (exit.code !== 0) throw new Error(`the data directory could not be initialised (see ${run.logFile})`);
  mkdirSync(context.cacheDirectory, { recursive: true });
  const staged = `${template}.${process.pid}`;
  cpSync(fresh, staged, { recursive: true });
  rmSync(fresh, { recursive: true });
  try {
    renameSync(staged, template);
  } catch (error) {
    rmSync(staged, { recursive: true, force: true });
    if (!existsSync(template)) throw error; // otherwise another run was quicker
  }
}

/** Runs at every start, before the first connection; one statement a line. */
function administratorSql(password: string): string {
  return [
    'SET SESSION sql_log_bin = 0;',
    `ALTER USER 'root'@'localhost' IDENTIFIED BY '${password}';`,
    `CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '${password}';`,
    "GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;",
    '',
  ].join('\n');
}

function container(image: string, settings: readonly string[]): ContainerLaunch {
  const password = freshSecret();
  return {
    image,
    // MariaDB's image knows the variables by these names too.
    env: { MYSQL_ROOT_PASSWORD: password, MYSQL_ROOT_HOST: '%' },
    command: [...SETTINGS, ...settings],
    containerPorts: [3306],
    urls: ([port], host = '127.0.0.1') => ({ url: `mysql://root:${password}@${host}:${port}` }),
  };
}

async function probe({ url }: ServerAddresses): Promise<ServerIdentity> {
  const connection = await createConnection({ uri: url, connectTimeout: PROBE_TIMEOUT_MS });
  try {
    const [rows] = await connection.query({ sql: 'SELECT VERSION() AS version', timeout: PROBE_TIMEOUT_MS });
    const text = (rows as { version: string }[])[0]?.version ?? 'unknown';
    const version = /\d+\.\d+\.\d+/.exec(text)?.[0] ?? text;
    return { flavour: /mariadb/i.test(text) ? 'mariadb' : 'mysql', version };
  } finally {
    connection.destroy();
  }
}
