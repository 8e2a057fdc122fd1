import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import type { CanalMessage } from '@coupon/contracts';
import { parseCanalMessage } from '@coupon/contracts';
import type { OutgoingMessage, PublishResult } from '@coupon/messaging';
import { EMBEDDED_MIGRATIONS, applyGrants, applyMigrations, createPrisma } from '@coupon/persistence';
import { systemClock } from '@coupon/service-kit';
import { eventually } from '@coupon/testing';
import { ImpatientClient } from '../../src/adapters/binlog/impatient-client';
import { MysqlBinlogLedger } from '../../src/adapters/binlog/mysql-binlog-ledger';
import { MysqlBinlogSource } from '../../src/adapters/binlog/mysql-binlog-source';
import type { UnencodedEvent } from '../../src/use-cases/binlog/change-encoder';
import { TailBinlog } from '../../src/use-cases/binlog/tail-binlog.use-case';
import type { BinlogMetrics } from '../../src/use-cases/binlog/tail-binlog.use-case';

export const monotonicClock = { ...systemClock, monotonicMs: () => performance.now() };
export const testLogger = pino({ level: process.env['WORKER_TEST_LOG'] ?? 'silent' });

/** The migrations, and the users of worker and binlog with their own rights. */
export async function prepareBinlogDatabase(url: string): Promise<{ workerUrl: string; binlogUrl: string }> {
  await applyMigrations({ url, migrations: EMBEDDED_MIGRATIONS });
  const suffix = randomBytes(4).toString('hex');
  const users = { worker: `t_worker_${suffix}`, binlog: `t_binlog_${suffix}` };
  const passwords = { worker: randomBytes(12).toString('hex'), binlog: randomBytes(12).toString('hex') };
  const database = new URL(url).pathname.slice(1);
  const server = Object.assign(new URL(url), { pathname: '/' });
  await applyGrants(server.toString(), { database, users, passwords });
  const as = (app: 'worker' | 'binlog'): string =>
    Object.assign(new URL(url), { username: users[app], password: passwords[app] }).toString();
  return { workerUrl: as('worker'), binlogUrl: as('binlog') };
}

/** Stands for a process that is paused or killed: what it calls does not come back, until it goes on. */
export class Standstill {
  private held: Promise<void> | undefined;
  private release: () => void = () => undefined;

  begin(): void {
    this.held = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  end(): void {
    this.held = undefined;
    this.release();
  }

  /** The same object, whose methods wait while it stands still, before and after what they do. */
  around<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const member = Reflect.get(object, name) as unknown;
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]): Promise<unknown> => {
          await this.held;
          const result = (await Reflect.apply(member, object, args)) as unknown;
          await this.held;
          return result;
        };
      },
    });
  }
}

/** A bus that keeps what it is given. */
export class RecordingBus {
  readonly bodies: string[] = [];
  readonly batches: number[] = [];
  /** How the next messages are answered; confirmed where it says nothing. */
  answer: (message: OutgoingMessage) => PublishResult | undefined = () => undefined;

  publishBatch = async (messages: readonly OutgoingMessage[]): Promise<PublishResult[]> => {
    this.batches.push(messages.length);
    return messages.map((message) => {
      const result = this.answer(message) ?? { kind: 'confirmed' };
      if (result.kind === 'confirmed') this.bodies.push(String(message.body));
      return result;
    });
  };

  get messages(): CanalMessage[] {
    return this.bodies.map((body) => {
      const parsed = parseCanalMessage(body);
      if (!parsed.ok) throw new Error(`${parsed.reason}: ${body}`);
      return parsed.message;
    });
  }

  of(table: string): CanalMessage[] {
    return this.messages.filter((message) => message.table === table);
  }

  /** Resolves with the messages of a table that make the check hold. */
  async until(table: string, check: (messages: CanalMessage[]) => boolean): Promise<CanalMessage[]> {
    let found: CanalMessage[] = [];
    await eventually(
      () => {
        found = this.of(table);
        return check(found);
      },
      { timeoutMs: 20_000 },
    );
    return found;
  }
}

export interface TestTailOptions {
  readonly workerUrl: string;
  readonly binlogUrl: string;
  readonly tables: readonly string[];
  readonly bus: Pick<RecordingBus, 'publishBatch'>;
  readonly leaseMs?: number;
  readonly batchSize?: number;
  readonly silenceMs?: number;
  /** Around what the tail says to database and bus. */
  readonly standstill?: Standstill;
}

export class TestTail {
  readonly parked: UnencodedEvent[] = [];
  readonly counts = { active: false, leases: 0, lost: 0, restarts: [] as string[] };
  private readonly clients: ImpatientClient[];
  private readonly tail: TailBinlog;

  constructor(options: TestTailOptions) {
    const { workerUrl, binlogUrl, tables, bus, leaseMs = 1_000, batchSize = 32, silenceMs = 30_000 } = options;
    const { standstill = new Standstill() } = options;
    const database = new URL(workerUrl).pathname.slice(1);
    const client = (url: string): ImpatientClient =>
      new ImpatientClient(() => createPrisma(url, { poolSize: 2, poolIdle: 1 }), 3_000);
    const [own, binlog] = [client(workerUrl), client(binlogUrl)];
    this.clients = [own, binlog];
    const metrics: BinlogMetrics = {
      active: (active) => (this.counts.active = active),
      confirmed: () => undefined,
      takenOver: () => (this.counts.leases += 1),
      restarted: (reason) => this.counts.restarts.push(reason),
      pointLost: () => (this.counts.lost += 1),
      unencoded: () => undefined,
    };
    this.tail = new TailBinlog({
      source: new MysqlBinlogSource({
        url: binlogUrl,
        client: binlog,
        database,
        tables,
        silenceMs,
      }),
      ledger: standstill.around(new MysqlBinlogLedger(own, database, leaseMs)),
      publisher: standstill.around(bus),
      park: async (fault) => void this.parked.push(fault),
      database,
      tables,
      owner: `t-${randomBytes(6).toString('hex')}`,
      leaseMs,
      batchSize,
      clock: monotonicClock,
      random: Math.random,
      logger: testLogger,
      metrics,
    });
  }

  /** Resolves when this one reads. */
  async start(): Promise<this> {
    this.tail.start();
    await this.untilActive();
    return this;
  }

  async untilActive(): Promise<void> {
    await eventually(() => this.counts.active, { timeoutMs: 20_000 });
  }

  async stop(): Promise<void> {
    await this.tail.stop();
    await Promise.all(this.clients.map((client) => client.close()));
  }
}
