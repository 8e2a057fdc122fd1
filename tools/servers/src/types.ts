/** `mysql` may be a MariaDB where that is all there is; `mariadb` is one always, for tests that must pass on both. */
export const SERVER_KINDS = ['mysql', 'redis', 'rabbitmq', 'mariadb', 'dtm'] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];
/** What the flash sale runs on; redemption needs `dtm` as well and names it. */
export type PlatformServerKind = Exclude<ServerKind, 'mariadb' | 'dtm'>;

export type ServerFlavour = 'mysql' | 'mariadb' | 'redis' | 'valkey' | 'rabbitmq' | 'dtm';

/** Where a server comes from, in the order in which the sources are asked. */
export const SERVER_SOURCES = ['environment', 'docker', 'local', 'built', 'unpacked', 'installed'] as const;
export type ServerSource = (typeof SERVER_SOURCES)[number];
/** The sources that need no container engine and start servers of their own. */
export const OWN_PROCESS_SOURCES = [
  'local',
  'built',
  'unpacked',
  'installed',
] as const satisfies readonly ServerSource[];

/** Where one server answers. */
export interface ServerAddresses {
  /** With credentials; for MySQL the administrator's, without a database; for DTM the origin of its HTTP API. */
  readonly url: string;
  /** RabbitMQ only: base URL of the management API, with credentials. */
  readonly managementUrl?: string;
  /** DTM only: `host:port` of its gRPC API. */
  readonly grpcAddress?: string;
}

/** What a running server says about itself. */
export interface ServerIdentity {
  readonly flavour: ServerFlavour;
  readonly version: string;
}

export interface ServerEndpoint extends ServerIdentity, ServerAddresses {
  readonly kind: ServerKind;
  readonly source: ServerSource;
}

/** One server of a run. */
export interface ServerHandle {
  readonly endpoint: ServerEndpoint;
  /** Of the server's process while it runs as one of this machine's; undefined in a container and for one that somebody else runs. */
  readonly pid?: number | undefined;
  /** Ends it at once (SIGKILL); resolves when it is gone. Rejects for a server that this run did not start. */
  kill(): Promise<void>;
  /** Starts a killed server again on the same port and the same data; resolves when it answers. */
  start(): Promise<void>;
  /** kill and start. */
  restart(): Promise<void>;
  /** Stops it without ending it (SIGSTOP): its connections stay open, nothing is answered. Rejects like `kill`. */
  pause(): Promise<void>;
  /** Lets a paused server go on; does nothing to one that is not paused. */
  resume(): Promise<void>;
}

export interface RunningServers<K extends ServerKind = PlatformServerKind> {
  readonly endpoints: Readonly<Record<K, ServerEndpoint>>;
  readonly servers: Readonly<Record<K, ServerHandle>>;
  /** The run's own directory (data, logs); removed at the end. Undefined when every server comes from the environment. */
  readonly directory: string | undefined;
  /** Stops the servers this run started and removes their data. Safe to call twice. */
  stop(): Promise<void>;
  /** Lets the servers outlive this process; returns the pid that stops them all on SIGTERM, if there is anything to stop. */
  detach(): Promise<number | undefined>;
}

/** Nothing could provide a server; the message is one sentence that says what to install. */
export class ServerUnavailableError extends Error {
  static readonly code = 'SERVER_UNAVAILABLE';
  override readonly name = 'ServerUnavailableError';

  constructor(
    readonly kind: ServerKind,
    message: string,
    readonly reasons: readonly string[],
  ) {
    super(message);
  }
}
