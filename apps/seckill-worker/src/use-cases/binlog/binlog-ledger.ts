import type { BinlogPoint } from './binlog-source';

export interface StoredPoint extends BinlogPoint {
  /** Of which server it is. */
  readonly server: string;
}

/** The right to read for all. `epoch` is new with every acquisition; what is written under an old one is refused. */
export interface BinlogLease {
  readonly epoch: bigint;
  /** Everything before it has been published; null before the first reading. */
  readonly from: StoredPoint | null;
}

/** Who reads the binlog, and how far the reading has come. Time is the database's. */
export interface BinlogLedger {
  /** null: somebody else reads. */
  acquire(owner: string): Promise<BinlogLease | null>;
  /** @returns false when the lease has gone to somebody else. */
  renew(epoch: bigint): Promise<boolean>;
  /** Moves the point and renews the lease. @returns false when the lease has gone to somebody else. */
  save(epoch: bigint, point: StoredPoint): Promise<boolean>;
  /** Whoever waits may begin. */
  release(epoch: bigint): Promise<void>;
}
