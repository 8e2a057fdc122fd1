import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import type { SeededRandom } from '@coupon/testing';
import { machineMs } from './machine-clock';
import type { Change, VersionedRow } from './rows';
import type { VersionLedger } from './version-ledger';

export interface WritersOptions {
  readonly mysqlUrl: string;
  readonly ledger: VersionLedger;
  /** Each row has one writer. */
  readonly rows: readonly VersionedRow[];
  readonly random: SeededRandom;
}

const WRITERS = 3;
const MOST_ROWS_PER_TRANSACTION = 3;
const LONGEST_PAUSE_MS = 60;
/** Between the last statement of a transaction and its commit. */
const LONGEST_HESITATION_MS = 30;
const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT_MS = 100;

/** Writers of versions at random, who find out what became of every commit before they go on. */
export class Writers {
  commits = 0;
  /** Commits that were not answered. */
  doubts = 0;
  private stopped = false;
  private readonly running: Promise<void>[];

  constructor(private readonly options: WritersOptions) {
    const { rows } = options;
    this.running = Array.from({ length: WRITERS }, (_, index) =>
      this.write(rows.filter((_row, at) => at % WRITERS === index)),
    );
    for (const one of this.running) one.catch(() => undefined); // reported by stop
  }

  /** @throws the error of a writer that could not go on */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }

  private async write(rows: readonly VersionedRow[]): Promise<void> {
    const { random } = this.options;
    let mysql: Connection | undefined;
    while (!this.stopped) {
      mysql ??= await this.connect();
      if (mysql === undefined) break;
      const changes = this.changes(rows);
      if (!(await this.commit(mysql, changes))) {
        mysql.destroy();
        mysql = await this.findOut(changes);
      }
      await sleep(random.int(1, LONGEST_PAUSE_MS));
    }
    await mysql?.end().catch(() => undefined);
  }

  /** Of one to three rows; some rows much more often than others. */
  private changes(rows: readonly VersionedRow[]): Change[] {
    const { random, ledger } = this.options;
    const some = new Set<VersionedRow>();
    const count = random.int(1, MOST_ROWS_PER_TRANSACTION);
    while (some.size < count) some.add(rows[Math.floor(random.next() ** 2 * rows.length)] as VersionedRow);
    const changes = [...some].map((row) => row.next(random));
    for (const { key, version } of changes.flatMap(({ versions }) => versions)) ledger.attempted(key, version);
    return changes;
  }

  /** False: nobody knows what became of it. */
  private async commit(mysql: Connection, changes: readonly Change[]): Promise<boolean> {
    const { random } = this.options;
    try {
      await mysql.query('BEGIN');
      for (const { sql, values } of changes) await mysql.query(sql, [...values]);
      await sleep(random.int(0, LONGEST_HESITATION_MS));
      await mysql.query('COMMIT');
    } catch (error) {
      // A server that answers with an error is alive, and what it refuses is a mistake of this program.
      if (isRefusal(error)) throw error;
      this.doubts += 1;
      return false;
    }
    for (const change of changes) this.committed(change, machineMs());
    return true;
  }

  private committed({ row, versions }: Change, atMs: number): void {
    row.settled();
    this.commits += 1;
    for (const { key, version } of versions) this.options.ledger.committed(key, version, atMs);
  }

  private async findOut(changes: readonly Change[]): Promise<Connection | undefined> {
    for (;;) {
      const mysql = await this.connect();
      if (mysql === undefined) return undefined;
      try {
        const found = await Promise.all(changes.map(({ row }) => row.read(mysql)));
        for (const [index, change] of changes.entries()) this.settle(change, found[index] ?? new Map());
        return mysql;
      } catch {
        // It has died once more.
        mysql.destroy();
      }
    }
  }

  private settle(change: Change, found: ReadonlyMap<string, number>): void {
    const happened = change.versions.every(({ key, version }) => (found.get(key) ?? 0) === version);
    if (happened) this.committed(change, machineMs());
    else for (const { key, version } of change.versions) this.options.ledger.undone(key, version);
  }

  /** Undefined: it is time to stop. */
  private async connect(): Promise<Connection | undefined> {
    while (!this.stopped) {
      try {
        const mysql = await createConnection({
          uri: this.options.mysqlUrl,
          connectTimeout: CONNECT_TIMEOUT_MS,
          timezone: 'Z',
        });
        // A connection that breaks while nobody uses it: the next statement reports it.
        mysql.on('error', () => undefined);
        return mysql;
      } catch {
        await sleep(RECONNECT_MS);
      }
    }
    return undefined;
  }
}

function isRefusal(error: unknown): boolean {
  const { errno, sqlState, code } = error as { errno?: number; sqlState?: string; code?: string };
  const isGoingDown = code === 'ER_SERVER_SHUTDOWN' || code === 'ER_QUERY_INTERRUPTED';
  return errno !== undefined && errno > 0 && sqlState !== undefined && sqlState !== '' && !isGoingDown;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
