import type { PortAllocator } from '../ports';
import type { ProcessSpec, Supervisor } from '../supervisor/supervisor';
import type { ServerAddresses, ServerFlavour, ServerIdentity, ServerKind } from '../types';

/** How to run one program of an installation: `command args... <own arguments>`. */
export interface Executable {
  readonly command: string;
  readonly args: readonly string[];
}

/** A server's programs on this machine, wherever they come from. */
export interface Installation {
  readonly kind: ServerKind;
  readonly flavour: ServerFlavour;
  readonly version: string;
  /** The directory that plays /usr for these programs. */
  readonly usr: string;
  readonly server: Executable;
  /** For programs the server starts by name (RabbitMQ: erl); in front of the system's PATH. */
  readonly path?: string;
}

export interface LaunchContext {
  readonly supervisor: Supervisor;
  /** Directory of this server inside the run directory; exists. */
  readonly directory: string;
  /** Survives the run: prepared data that a later run copies. */
  readonly cacheDirectory: string;
  readonly ports: PortAllocator;
}

/** What building a server needs; a command that is run ends with the caller, however the caller ends. */
export interface BuildContext {
  readonly env: NodeJS.ProcessEnv;
  /** Survives the run: the result and the tools' caches. */
  readonly cacheDirectory: string;
  readonly log: (line: string) => void;
  run(command: BuildCommand): Promise<{ readonly code: number | null; readonly output: string }>;
}

export interface BuildCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly timeoutMs: number;
}

/** Everything needed to start a server's processes, again and again on the same data. */
export interface Launch {
  readonly addresses: ServerAddresses;
  /** Runs first and stays while the server is killed and started again. */
  readonly companion?: ProcessSpec & { readonly port: number };
  readonly main: ProcessSpec;
}

/** The same for a container of the official image. */
export interface ContainerLaunch {
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  /** Container ports, in the order in which `urls` takes the host's ports. */
  readonly containerPorts: readonly number[];
  /** @default host 127.0.0.1 */
  urls(hostPorts: readonly number[], host?: string): ServerAddresses;
  /** The server calls back to this machine by the name host.docker.internal. */
  readonly callsHost?: boolean;
}

/** What the provisioning knows about one kind of server. */
export interface Recipe {
  readonly kind: ServerKind;
  /** Environment variable with the URL of a server that already runs. */
  readonly variable: string;
  /** Its further addresses, where it has any and the environment names them. */
  furtherAddresses?(url: string, env: NodeJS.ProcessEnv): Omit<ServerAddresses, 'url'>;
  /** One sentence for somebody who has none of the sources. */
  readonly advice: string;
  /** Packages by suite of the Debian mirror, tried in order; "system" is the system's own suite. */
  readonly packages: readonly { readonly suite: string; readonly names: readonly string[] }[];
  /** Packages for the system's own package manager. */
  readonly systemPackages: readonly string[];
  /** The programs on PATH, or below the /usr of an unpacked tree; undefined when there are none or they are too old. */
  findLocal(path: string): Promise<Installation | undefined>;
  findUnpacked(tree: UnpackedTree): Promise<Installation | undefined>;
  /** Builds the server from source, once; the text is why that cannot be done here. Only for servers that come that way. */
  build?(context: BuildContext): Promise<Installation | string>;
  launch(installation: Installation, context: LaunchContext): Promise<Launch>;
  container(): ContainerLaunch;
  /** Connects and asks; rejects while the server does not answer. */
  probe(addresses: ServerAddresses): Promise<ServerIdentity>;
}

/** A directory with unpacked packages, their own loader and libraries included. */
export interface UnpackedTree {
  readonly directory: string;
  readonly suite: string;
  /** Runs a dynamically linked program of the tree, given relative to the tree. */
  executable(program: string): Executable;
}

/** True for a version text of at least major.minor. */
export function isAtLeast(version: string, major: number, minor = 0): boolean {
  const [a = 0, b = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return a > major || (a === major && b >= minor);
}

/** The environment of a server process: nothing of the caller's but what a program needs to run. */
export function plainEnvironment(home: string, path?: string): Record<string, string> {
  const system = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const own = process.env['PATH'] ?? '';
  return { HOME: home, TMPDIR: home, LANG: 'C.UTF-8', TZ: 'UTC', PATH: [path, own, system].filter(Boolean).join(':') };
}
