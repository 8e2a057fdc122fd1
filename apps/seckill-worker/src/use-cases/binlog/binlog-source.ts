/** A place between two transactions in the binlog of one server. */
export interface BinlogPoint {
  readonly file: string;
  readonly position: number;
}

export type RowsType = 'INSERT' | 'UPDATE' | 'DELETE';

/** Values by column as the binlog has them; see canal-values.ts for what they may be. */
export type RawRow = Readonly<Record<string, unknown>>;

/** INSERT has `after` only, DELETE `before` only. */
export interface RowImage {
  readonly before: RawRow | null;
  readonly after: RawRow | null;
}

/** One rows event: a statement makes as many as its rows need. */
export interface RowsEvent {
  readonly kind: 'rows';
  readonly type: RowsType;
  readonly database: string;
  readonly table: string;
  /** Of the table's definition at the time; another one after a DDL. Within one stream. */
  readonly tableId: number;
  /** Names in the order of the table. */
  readonly columns: readonly string[];
  readonly rows: readonly RowImage[];
  /** Epoch milliseconds of a whole second. */
  readonly esMs: number;
}

export type BinlogEvent =
  | RowsEvent
  /** DDL, or a change that was logged as text. `end` lies behind it. */
  | {
      readonly kind: 'statement';
      readonly schema: string;
      readonly sql: string;
      readonly esMs: number;
      readonly end: BinlogPoint;
    }
  /** Everything before `end` has been handed out. */
  | { readonly kind: 'boundary'; readonly end: BinlogPoint }
  /** Something that may have been a change of any watched table. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** What can be had of the binlog of one server. */
export interface BinlogSource {
  /** @throws Error when the server cannot be asked */
  survey(): Promise<BinlogSurvey>;
  /** Reads from a point on. The stream tells of failures. */
  open(from: BinlogPoint): BinlogStream;
  /** @throws Error when the server cannot be asked; an empty list when there is no such table */
  columnsOf(database: string, table: string): Promise<readonly ColumnDefinition[]>;
}

export interface BinlogSurvey {
  /** Points of one server mean nothing on another. */
  readonly server: string;
  readonly end: BinlogPoint;
  /** The files that are there, oldest first, with their sizes in bytes. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** Settings with which changes would be missed. */
  readonly problems: readonly string[];
  /** Settings with which old changes may be read wrongly. */
  readonly warnings: readonly string[];
}

export interface ColumnDefinition {
  readonly name: string;
  /** As information_schema has it, for instance `bigint unsigned`. */
  readonly mysqlType: string;
  readonly isKey: boolean;
}

export interface BinlogStream {
  /**
   * Waits for at least one event and returns at most `max`, in order.
   * @throws BinlogStreamError once the stream has ended and everything before has been returned
   */
  next(max: number): Promise<readonly BinlogEvent[]>;
  close(): void;
}

/** `UNREADABLE_POINT`: the server cannot read from there; `STREAM_LOST`: anything else, worth another try from the same point. */
export class BinlogStreamError extends Error {
  constructor(
    readonly code: 'UNREADABLE_POINT' | 'STREAM_LOST',
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'BinlogStreamError';
  }
}
