import type { Redis } from 'ioredis';
import { AppError } from '@coupon/domain';
import { createClaimRedis, loadScripts, readRunId } from '@coupon/lua';
import type { Logger } from '@coupon/service-kit';

/**
 * When a win is answered. `memory`: Redis has decided; `fsync`: its append-only file is on disk; `replicated`: that, and so many replicas
 * have the win, too.
 */
export type Durability =
  | { readonly mode: 'memory' | 'fsync' }
  | { readonly mode: 'replicated'; readonly replicas: number; readonly waitTimeoutMs: number };

const ON_DISK = {
  appendonly: 'yes',
  appendfsync: 'always',
  'no-appendfsync-on-rewrite': 'no',
  'maxmemory-policy': 'noeviction',
};

/** What a Redis server must be set to for each durability mode: name -> accepted values. */
const REQUIRED_SETTINGS: Readonly<Record<Durability['mode'], Readonly<Record<string, string>>>> = {
  memory: { 'maxmemory-policy': 'noeviction' },
  fsync: ON_DISK,
  replicated: ON_DISK,
};

export interface ClaimSessionOptions {
  readonly url: string;
  readonly durability: Durability;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
}

/** A connection that has shown which run of Redis it reached and that this Redis keeps what it confirms. */
export interface EstablishedSession {
  readonly redis: Redis;
  /** Claims carry it; the script refuses activities that were opened on another run (invariant 9). */
  readonly runId: string;
  /** Present in mode `replicated`: wins are answered only when so many replicas have them. */
  readonly barrier?: { readonly replicas: number; readonly waitTimeoutMs: number };
}

/**
 * The claim connection with its handshake. `current()` is null from the moment the connection closes until a new one has been examined, so
 * no claim is ever sent to a server nobody has looked at.
 */
export class ClaimSession {
  readonly name = 'claim-redis';
  private readonly redis: Redis;
  private session: EstablishedSession | null = null;
  private problem = 'not connected yet';
  private retry: NodeJS.Timeout | undefined;
  private closing = false;
  private endFirstAttempt!: () => void;
  private readonly firstAttempt = new Promise<void>((resolve) => (this.endFirstAttempt = resolve));

  constructor(
    private readonly options: ClaimSessionOptions,
    private readonly logger: Logger,
  ) {
    this.redis = createClaimRedis(options.url, {
      connectionName: 'seckill-gateway:claims',
      connectTimeoutMs: options.connectTimeoutMs,
      commandTimeoutMs: options.commandTimeoutMs,
    });
    this.redis.on('ready', () => void this.handshake());
    this.redis.on('close', () => {
      this.session = null;
      this.problem = 'connection closed';
      this.endFirstAttempt();
    });
    this.redis.on('error', (error: Error) => {
      this.problem = error.message || error.name;
      this.endFirstAttempt();
      this.logger.warn({ err: error }, 'claim redis connection');
    });
  }

  /**
   * Starts connecting and waits for the outcome of the first attempt, so that a process which joins others on one port takes buyers only
   * when it can serve them. It does not wait for Redis: a gateway that is up before its Redis answers 503 until it is there.
   */
  async start(): Promise<void> {
    this.redis.connect().catch((error: unknown) => {
      // The client goes on trying by itself; the state is visible in /health.
      this.problem = error instanceof Error ? error.message : String(error);
      this.endFirstAttempt();
    });
    await this.firstAttempt;
  }

  current(): EstablishedSession | null {
    return this.session;
  }

  /** @throws NOT_READY with the reason while there is no examined connection. */
  require(): EstablishedSession {
    if (this.session !== null) return this.session;
    throw new AppError('NOT_READY', 'the claim store is not ready, please try again');
  }

  /** For the health check. */
  async check(): Promise<void> {
    if (this.session === null) throw new Error(this.problem);
    await this.session.redis.ping();
    const { barrier } = this.session;
    if (barrier === undefined) return;
    const [, connected = '0'] = /^connected_slaves:(\d+)/m.exec(await this.session.redis.info('replication')) ?? [];
    if (Number(connected) < barrier.replicas)
      throw new Error(`${connected} of ${barrier.replicas} replicas are connected`);
  }

  close(): void {
    this.closing = true;
    this.endFirstAttempt();
    clearTimeout(this.retry);
    this.session = null;
    this.redis.disconnect();
  }

  private async handshake(): Promise<void> {
    try {
      const runId = await readRunId(this.redis);
      const wrong = await this.wrongSettings();
      if (wrong.length > 0) {
        this.problem = `durability mode ${this.options.durability.mode} needs ${wrong.join(', ')}`;
        this.logger.error(
          { problems: wrong, durability: this.options.durability.mode },
          'claim redis is not set up for this mode',
        );
        this.tryAgain();
        return;
      }
      await loadScripts(this.redis, [
        'claimUnits',
        'snapshotActivity',
        'readPurchases',
        'readSaleState',
        'leaseTokens',
      ]);
      if (this.redis.status !== 'ready' || this.closing) return;
      const { durability } = this.options;
      this.session =
        durability.mode === 'replicated'
          ? { redis: this.redis, runId, barrier: durability }
          : { redis: this.redis, runId };
      this.logger.info({ redis_run_id: runId, durability: this.options.durability.mode }, 'claim redis ready');
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      this.logger.warn({ err: error }, 'claim redis handshake failed');
      this.tryAgain();
    } finally {
      this.endFirstAttempt();
    }
  }

  private async wrongSettings(): Promise<string[]> {
    const wrong: string[] = [];
    for (const [name, wanted] of Object.entries(REQUIRED_SETTINGS[this.options.durability.mode])) {
      const [, value] = await this.redis.config('GET', name);
      if (value !== wanted) wrong.push(`${name}=${wanted} (is ${value ?? 'unknown'})`);
    }
    return wrong;
  }

  /** A setting can be mended on the running server: look again without waiting for a reconnect. */
  private tryAgain(): void {
    if (this.closing) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      if (this.redis.status === 'ready' && this.session === null) void this.handshake();
    }, 1_000);
    this.retry.unref();
  }
}
