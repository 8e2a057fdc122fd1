import type { BinlogLease, BinlogLedger, StoredPoint } from '../../use-cases/binlog/binlog-ledger';
import type { ImpatientClient } from './impatient-client';

interface Row {
  readonly epoch: bigint | number | string;
  readonly server: string | null;
  readonly file: string | null;
  readonly position: bigint | number | string | null;
}

/** One row of `binlog_positions`. The lease ends by the database's clock, also for a process that stands still. */
export class MysqlBinlogLedger implements BinlogLedger {
  constructor(
    private readonly client: ImpatientClient,
    private readonly source: string,
    private readonly leaseMs: number,
  ) {}

  async acquire(owner: string): Promise<BinlogLease | null> {
    const found = await this.take(owner);
    if (found !== undefined) return found;
    await this.client.run(
      (prisma) => prisma.$executeRaw`INSERT IGNORE INTO binlog_positions (source) VALUES (${this.source})`,
    );
    return (await this.take(owner)) ?? null;
  }

  /** undefined: there is no row yet. */
  private take(owner: string): Promise<BinlogLease | null | undefined> {
    const { source } = this;
    return this.client.run(async (prisma) => {
      const taken = await prisma.$executeRaw`
        UPDATE binlog_positions SET epoch = epoch + 1, lease_owner = ${owner},
               lease_until = CURRENT_TIMESTAMP(3) + INTERVAL ${this.leaseMs * 1000} MICROSECOND
        WHERE source = ${source} AND (lease_until IS NULL OR lease_until < CURRENT_TIMESTAMP(3))`;
      const [row] = await prisma.$queryRaw<(Row & { owner: string | null })[]>`
        SELECT epoch, lease_owner AS owner, server, file, position FROM binlog_positions WHERE source = ${source}`;
      if (row === undefined) return undefined;
      // Somebody may have followed us already, if the answer took that long.
      return taken === 0 || row.owner !== owner ? null : { epoch: BigInt(row.epoch), from: storedPoint(row) };
    });
  }

  async renew(epoch: bigint): Promise<boolean> {
    const rows = await this.client.run(
      (prisma) => prisma.$executeRaw`
        UPDATE binlog_positions SET lease_until = CURRENT_TIMESTAMP(3) + INTERVAL ${this.leaseMs * 1000} MICROSECOND
        WHERE source = ${this.source} AND epoch = ${epoch}`,
    );
    return rows === 1;
  }

  async save(epoch: bigint, point: StoredPoint): Promise<boolean> {
    const { server, file, position } = point;
    const rows = await this.client.run(
      (prisma) => prisma.$executeRaw`
        UPDATE binlog_positions SET server = ${server}, file = ${file}, position = ${position},
               lease_until = CURRENT_TIMESTAMP(3) + INTERVAL ${this.leaseMs * 1000} MICROSECOND
        WHERE source = ${this.source} AND epoch = ${epoch}`,
    );
    return rows === 1;
  }

  async release(epoch: bigint): Promise<void> {
    await this.client.run(
      (prisma) => prisma.$executeRaw`
        UPDATE binlog_positions SET lease_owner = NULL, lease_until = NULL
        WHERE source = ${this.source} AND epoch = ${epoch}`,
    );
  }
}

function storedPoint(row: Row): StoredPoint | null {
  const { server, file, position } = row;
  if (server === null || file === null || position === null) return null;
  return { server, file, position: Number(position) };
}
