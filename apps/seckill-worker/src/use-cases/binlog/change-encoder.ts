import type { BinlogEvent, BinlogPoint, BinlogSource, ColumnDefinition, RowsEvent } from './binlog-source';
import { anythingChanged, ddlChange, rowsChange } from './canal-messages';
import type { CanalChange } from './canal-messages';
import { NotEncodableError } from './canal-values';
import { classifyStatement } from './classify-statement';

export interface ChangeEncoderOptions {
  readonly source: Pick<BinlogSource, 'columnsOf'>;
  readonly database: string;
  readonly tables: readonly string[];
  readonly nowMs: () => number;
  /** Keeps what cannot be told; resolves when it is safe. */
  readonly park: (fault: UnencodedEvent) => Promise<void>;
}

export interface UnencodedEvent {
  readonly reason: string;
  /** null: nobody knows which. */
  readonly event: RowsEvent | null;
}

/** Events of one stream -> what Canal says of them. Nothing about a watched table is left out: what cannot be told becomes "any row may have changed". */
export class ChangeEncoder {
  private readonly definitions = new Map<number, readonly ColumnDefinition[]>();
  private file: string | undefined;

  constructor(private readonly options: ChangeEncoderOptions) {}

  /** @throws Error when the server cannot be asked for a table's definition, or the fault cannot be kept */
  async encode(event: BinlogEvent): Promise<readonly CanalChange[]> {
    switch (event.kind) {
      case 'boundary':
        this.reached(event.end);
        return [];
      case 'rows':
        return this.rows(event);
      case 'statement':
        return this.statement(event);
      case 'unreadable':
        await this.options.park({ reason: event.reason, event: null });
        return this.anythingInAll(event.reason);
    }
  }

  /** One message per watched table. */
  anythingInAll(reason: string): CanalChange[] {
    const { database, tables, nowMs } = this.options;
    return tables.map((table) => anythingChanged(database, table, reason, nowMs()));
  }

  private async rows(event: RowsEvent): Promise<readonly CanalChange[]> {
    if (!this.isWatched(event)) return [];
    const definitions = await this.definitionsOf(event);
    try {
      return [rowsChange(event, definitions)];
    } catch (error) {
      if (!(error instanceof NotEncodableError)) throw error;
      await this.options.park({ reason: error.message, event });
      return [anythingChanged(event.database, event.table, 'a change could not be told', this.options.nowMs())];
    }
  }

  private statement(event: Extract<BinlogEvent, { kind: 'statement' }>): CanalChange[] {
    const { sql, schema, esMs } = event;
    const found = classifyStatement(sql, schema);
    if (found.kind === 'none') return [];
    if (found.kind === 'everything') {
      return found.database === this.options.database ? this.anythingInAll('the database was dropped') : [];
    }
    const watched = found.effects.filter((effect) => this.isWatched(effect));
    // A statement may name a table twice.
    const once = new Map(watched.map((effect) => [effect.table, effect]));
    return [...once.values()].map(({ type, database, table }) =>
      type === 'INSERT' || type === 'UPDATE' || type === 'DELETE'
        ? anythingChanged(database, table, `${type} logged as a statement`, this.options.nowMs())
        : ddlChange({ database, table, type, sql, esMs }),
    );
  }

  private isWatched({ database, table }: { database: string; table: string }): boolean {
    return database === this.options.database && this.options.tables.includes(table);
  }

  /** A server that was started again writes another file, and counts the ids of tables from the beginning. */
  private reached({ file }: BinlogPoint): void {
    if (file !== this.file) this.definitions.clear();
    this.file = file;
  }

  /** A table gets another id in the binlog with every change of its definition. */
  private async definitionsOf({ database, table, tableId }: RowsEvent): Promise<readonly ColumnDefinition[]> {
    const known = this.definitions.get(tableId);
    if (known !== undefined) return known;
    const found = await this.options.source.columnsOf(database, table);
    this.definitions.set(tableId, found);
    return found;
  }
}
