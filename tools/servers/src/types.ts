/** `mysql` may be a MariaDB where that is all there is; `mariadb` is one always, for tests that must pass on both. */
export const SERVER_KINDS = ['mysql', 'redis', 'rabbitmq', 'mariadb'] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];
/** What the platform runs on. */
export type PlatformServerKind = Exclude<ServerKind, 'mariadb'>;

export type ServerFlavour = 'mysql' | 'mariadb' | 'redis' | 'valkey' | 'rabbitmq';

/** Where a server comes from, in the order in which the sources are asked. */
export const SERVER_SOURCES = ['environment', 'docker', 'local', 'unpacked', 'installed'] as const;
export type ServerSource = (typeof SERVER_SOURCES)[number];

/** What a running server says about itself. */
export interface ServerIdentity {
  readonly flavour: ServerFlavour;
  readonly version: string;
}

export interface ServerEndpoint extends ServerIdentity {
  readonly kind: ServerKind;
  /** With credentials; for MySQL the administrator's, without a database. */
  readonly url: string;
  readonly source: ServerSource;
  /** RabbitMQ only: base URL of the management API, with credentials. */
  readonly managementUrl?: string;
}

/** One server of a run. */
export interface ServerHandle {
  readonly endpoint: ServerEndpoint;
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
