import ZongJi from '@vlasky/zongji';
import type { BinlogEvent as ZongjiEvent, RowsEvent as ZongjiRows, TableMapEvent } from '@vlasky/zongji';
import type { BinlogPoint, BinlogStream, RawRow, RowImage, RowsType } from '../../use-cases/binlog/binlog-source';
import { BinlogStreamError } from '../../use-cases/binlog/binlog-source';
import { EventQueue } from './event-queue';
import { keepRawValues } from './raw-values';

export interface ZongjiStreamOptions {
  readonly connection: Readonly<Record<string, unknown>>;
  readonly database: string;
  readonly tables: readonly string[];
  readonly from: BinlogPoint;
  /** Another one for every connection: the server ends an older one with the same. */
  readonly serverId: number;
  /** A stream in which nothing happens for so long is given up: the heartbeat alone makes several events per second. */
  readonly silenceMs: number;
}

const INCLUDED = ['rotate', 'query', 'xid', 'xaprepare', 'tablemap', 'writerows', 'updaterows', 'deleterows'];
/** Row changes in forms that cannot be decoded. */
const UNREADABLE = ['transactionpayload', 'partialupdaterows'];
const ROWS: Readonly<Record<string, RowsType>> = { WriteRows: 'INSERT', UpdateRows: 'UPDATE', DeleteRows: 'DELETE' };
/** ER_MASTER_FATAL_ERROR_READING_BINLOG */
const CANNOT_READ_BINLOG = 1236;

interface Pausable {
  readonly connection?: { pause(): void; resume(): void } | null;
}

/** The binlog from a point on, decoded by @vlasky/zongji. */
export class ZongjiStream implements BinlogStream {
  private readonly zongji: ZongJi;
  private readonly queue: EventQueue;
  private readonly watchdog: NodeJS.Timeout;
  private file: string;
  private heardOf = true;

  constructor(private readonly options: ZongjiStreamOptions) {
    this.file = options.from.file;
    this.zongji = new ZongJi({ ...options.connection });
    this.queue = new EventQueue({ hold: (held) => this.hold(held) });
    this.zongji.on('binlog', (event: ZongjiEvent) => this.take(event));
    this.zongji.on('error', (error: Error) => this.fault(error));
    this.watchdog = setInterval(() => this.look(), options.silenceMs);
    this.zongji.start({
      serverId: options.serverId,
      filename: options.from.file,
      position: options.from.position,
      includeEvents: [...INCLUDED, ...UNREADABLE],
      includeSchema: { [options.database]: [...options.tables] },
    });
  }

  next(max: number): ReturnType<BinlogStream['next']> {
    return this.queue.next(max);
  }

  close(): void {
    clearInterval(this.watchdog);
    this.queue.end(new BinlogStreamError('STREAM_LOST', 'closed'));
    this.zongji.stop();
  }

  private take(event: ZongjiEvent): void {
    this.heardOf = true;
    const name = event.getTypeName();
    const type = ROWS[name];
    if (type !== undefined) this.takeRows(event as ZongjiRows, type);
    else if (name === 'TableMap') keepRawValues(event as TableMapEvent);
    else if (name === 'Rotate') this.takeRotation(event as ZongjiEvent & { binlogName: string; position: number });
    else if (name === 'Query') this.takeStatement(event as ZongjiEvent & { query: string; schema: string });
    else if (name === 'Xid' || name === 'XaPrepare') this.takeBoundary(event);
    else this.queue.push({ kind: 'unreadable', reason: `the binlog has an event ${name}` });
  }

  private takeRows(event: ZongjiRows & { rows?: unknown[] }, type: RowsType): void {
    const entry = event.tableMap[event.tableId];
    if (entry?.columns === undefined || event.rows === undefined) {
      this.queue.push({ kind: 'unreadable', reason: 'rows of a table that is not described' });
      return;
    }
    this.queue.push({
      kind: 'rows',
      type,
      database: entry.parentSchema,
      table: entry.tableName,
      tableId: event.tableId,
      columns: entry.columns.map(({ name }) => name),
      rows: event.rows.map((row) => imageOf(row, type)),
      esMs: event.timestamp,
    });
  }

  private takeRotation(event: { binlogName: string; position: number }): void {
    if (event.binlogName === this.file) return; // the one with which every stream begins
    this.file = event.binlogName;
    // Perhaps of a server that was started again: another table may have an id that is known.
    const { tableMap } = this.zongji as unknown as { readonly tableMap: Record<number, unknown> };
    for (const id of Object.keys(tableMap)) delete tableMap[Number(id)];
    this.queue.push({ kind: 'boundary', end: { file: this.file, position: event.position } });
  }

  private takeStatement(event: ZongjiEvent & { query: string; schema: string }): void {
    if (/^(?:begin|xa\s+start\b.*|xa\s+end\b.*|savepoint\b.*|rollback\s+to\b.*)$/is.test(event.query.trim())) return;
    if (/^(?:commit|rollback)$/i.test(event.query.trim())) {
      this.takeBoundary(event);
      return;
    }
    const end = { file: this.file, position: event.nextPosition };
    const { query: sql, schema, timestamp: esMs } = event;
    this.queue.push({ kind: 'statement', schema, sql, esMs, end });
  }

  private takeBoundary(event: ZongjiEvent): void {
    this.queue.push({ kind: 'boundary', end: { file: this.file, position: event.nextPosition } });
  }

  /** Not every error ends the stream: an event that could not be decoded is one, and the next event comes all the same. */
  private fault(error: Error): void {
    const { errno, code } = error as { errno?: unknown; code?: unknown };
    if (errno === CANNOT_READ_BINLOG) {
      this.queue.end(new BinlogStreamError('UNREADABLE_POINT', error.message, { cause: error }));
    } else if (code !== undefined || errno !== undefined || /^Control connection/.test(error.message)) {
      this.queue.end(new BinlogStreamError('STREAM_LOST', error.message, { cause: error }));
    } else {
      this.queue.push({ kind: 'unreadable', reason: error.message });
      // The library waits for good for the definition of a table that is not there any more.
      if (error.message.startsWith('Insufficient permissions')) this.hold(false);
    }
  }

  private hold(held: boolean): void {
    const { connection } = this.zongji as unknown as Pausable;
    if (held) connection?.pause();
    else connection?.resume();
  }

  private look(): void {
    if (this.heardOf) this.heardOf = false;
    else this.queue.end(new BinlogStreamError('STREAM_LOST', `nothing heard for ${this.options.silenceMs} ms`));
  }
}

function imageOf(row: unknown, type: RowsType): RowImage {
  if (type === 'UPDATE') {
    const { before, after } = row as { before: RawRow; after: RawRow };
    return { before, after };
  }
  return type === 'INSERT' ? { before: null, after: row as RawRow } : { before: row as RawRow, after: null };
}
