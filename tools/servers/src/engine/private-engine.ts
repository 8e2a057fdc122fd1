import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall } from '../apt-install';
import { engineAnswers } from '../container-engine';
import { exec, findProgram } from '../exec';
import { pollUntil } from '../poll';
import { Supervisor } from '../supervisor/supervisor';

const SCRIPTS = join(__dirname, '..', '..', 'engine');
const REPOSITORY = join(__dirname, '..', '..', '..', '..');
const PROGRAMS = ['dockerd', 'docker', 'ip', 'unshare'];
const READY_TIMEOUT_MS = 60_000;
const COMMAND_TIMEOUT_MS = 10_000;
const PRUNE_TIMEOUT_MS = 60_000;
/** Where engine and containerd keep things by fixed path; hidden behind mounts that only they see. */
const FIXED_PLACES = ['/run/containerd', '/run/docker', '/opt/containerd', '/etc/docker'];
/** A socket's path may have 107 characters; containerd's is the longest. */
const LONGEST_SOCKET = 'exec/containerd/containerd-debug.sock';
const SOCKET_PATH_LIMIT = 107;

export interface PrivateEngine {
  /** For DOCKER_HOST. */
  readonly host: string;
  stop(): Promise<void>;
}

export interface PrivateEngineOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly log: (line: string) => void;
  /** Installs Docker's Debian package when there is none. @default false */
  readonly install?: boolean;
  /** Gets `.run/engine-<pid>` and `.cache/engine` (images). @default the repository */
  readonly baseDir?: string;
}

/**
 * Starts a container engine of our own (Linux, root): its state lies in the repository, its network rules nowhere, its containers end with
 * this process. Images are kept for later runs; one run at a time may use them. Returns why there can be none otherwise.
 */
export async function startPrivateEngine(
  options: PrivateEngineOptions,
): Promise<PrivateEngine | { readonly unavailable: string }> {
  const missing = await ensurePrograms(options);
  if (missing !== undefined) return { unavailable: missing };
  const base = options.baseDir ?? REPOSITORY;
  const data = join(base, '.cache', 'engine');
  const release = lock(data);
  if (!release) return { unavailable: 'another run uses the private container engine' };
  try {
    const supervisor = await Supervisor.start({ parent: join(base, '.run'), purpose: 'engine' });
    try {
      const host = await run(supervisor, data, options);
      const stop = (): Promise<void> => supervisor.stop().finally(release);
      return { host, stop };
    } catch (error) {
      await supervisor.stop();
      throw error;
    }
  } catch (error) {
    release();
    return { unavailable: error instanceof Error ? error.message : String(error) };
  }
}

async function ensurePrograms({ env, install }: PrivateEngineOptions): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'a private container engine needs Linux and root';
  const path = env['PATH'] ?? '';
  const lacking = (): string[] => PROGRAMS.filter((name) => findProgram(name, path) === undefined);
  if (lacking().length === 0) return undefined;
  if (install !== true) return `${lacking().join(', ')} not installed`;
  const failure = await aptInstall(['docker.io', 'iptables', 'iproute2', 'util-linux'], path);
  if (failure !== undefined || !lacking().includes('docker')) return failure;
  return aptInstall(['docker-cli'], path); // a package of its own from Debian 13 on
}

async function run(supervisor: Supervisor, data: string, options: PrivateEngineOptions): Promise<string> {
  const { directory } = supervisor;
  if (join(directory, LONGEST_SOCKET).length > SOCKET_PATH_LIMIT)
    throw new Error(`the path ${directory} is too long for its sockets`);
  const created = FIXED_PLACES.filter((place) => !existsSync(place));
  const bridge = `cpn${process.pid}`;
  const cgroup = `coupon-engine-${process.pid}`;
  const env = { PATH: `${options.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin` };
  await supervisor.addCleanup('bash', [join(SCRIPTS, 'clean-up.sh'), bridge, cgroup, ...created], env);
  for (const place of created) mkdirSync(place, { recursive: true });
  await createBridge(bridge);
  const dockerd = await supervisor.run({
    name: 'dockerd',
    command: 'unshare',
    args: [
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      join(SCRIPTS, 'run-dockerd.sh'),
      directory,
      data,
      bridge,
      cgroup,
    ],
    env,
    graceMs: 10_000,
  });
  let ended = false;
  void dockerd.exited.then(() => (ended = true));
  const host = `unix://${join(directory, 'docker.sock')}`;
  await pollUntil(
    async () => {
      if (!(await engineAnswers({ ...options.env, DOCKER_HOST: host }))) throw new Error('no answer yet');
    },
    {
      timeoutMs: READY_TIMEOUT_MS,
      intervalMs: 100,
      what: 'the private container engine',
      giveUp: () =>
        ended ? new Error(`dockerd ended: ${lastLine(readFileSync(dockerd.logFile, 'utf8'))}`) : undefined,
    },
  );
  // What a run left that was killed: the images stay, its containers and volumes go.
  const asEngine = { timeoutMs: PRUNE_TIMEOUT_MS, env: { ...options.env, DOCKER_HOST: host } };
  await exec('docker', ['container', 'prune', '--force'], asEngine);
  await exec('docker', ['volume', 'prune', '--force'], asEngine);
  await exec('docker', ['image', 'prune', '--force'], asEngine);
  return host;
}

/** Addresses from the range for benchmarks of network devices (RFC 2544): nobody routes them. */
async function createBridge(bridge: string): Promise<void> {
  const subnet = process.pid % 250;
  for (const args of [
    ['link', 'add', bridge, 'type', 'bridge'],
    ['address', 'add', `198.18.${subnet}.1/24`, 'dev', bridge],
    ['link', 'set', bridge, 'up'],
  ]) {
    const { code, stderr } = await exec('ip', args, { timeoutMs: COMMAND_TIMEOUT_MS });
    if (code !== 0) throw new Error(`ip ${args.join(' ')} failed: ${stderr.trim()}`);
  }
}

/** One engine at a time on the same images. The lock of a process that is gone counts for nothing. */
function lock(data: string): (() => void) | undefined {
  mkdirSync(data, { recursive: true });
  const file = join(data, 'owner.pid');
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch {
      const owner = Number(existsSync(file) ? readFileSync(file, 'utf8') : 0);
      if (owner > 0 && existsSync(`/proc/${owner}`)) return undefined;
      rmSync(file, { force: true });
    }
  }
  return undefined;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
