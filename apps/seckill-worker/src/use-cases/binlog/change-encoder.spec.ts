import type { BinlogEvent, ColumnDefinition } from './binlog-source';
import { ChangeEncoder } from './change-encoder';
import type { UnencodedEvent } from './change-encoder';

const DEFINITIONS: Readonly<Record<string, readonly ColumnDefinition[]>> = {
  beats: [
    { name: 'source', mysqlType: 'varchar(64)', isKey: true },
    { name: 'beat', mysqlType: 'bigint', isKey: false },
  ],
  things: [{ name: 'id', mysqlType: 'bigint', isKey: true }],
};

function encoder(): { readonly encoder: ChangeEncoder; readonly parked: UnencodedEvent[]; readonly asked: string[] } {
  const parked: UnencodedEvent[] = [];
  const asked: string[] = [];
  const one = new ChangeEncoder({
    source: {
      columnsOf: (_database, table) => {
        asked.push(table);
        return Promise.resolve(DEFINITIONS[table] ?? []);
      },
    },
    database: 'coupon',
    tables: ['beats', 'things'],
    nowMs: () => 1_795_236_291_000,
    park: (fault) => Promise.resolve(void parked.push(fault)),
  });
  return { encoder: one, parked, asked };
}

const inserted = (table: string, tableId: number, row: Readonly<Record<string, unknown>>): BinlogEvent =>
  ({
    kind: 'rows',
    type: 'INSERT',
    database: 'coupon',
    table,
    tableId,
    columns: Object.keys(row),
    rows: [{ before: null, after: row }],
    esMs: 1_795_236_291_000,
  }) as unknown as BinlogEvent;
const boundary = (file: string): BinlogEvent => ({ kind: 'boundary', end: { file, position: 4 } });

describe('ids of tables', () => {
  test('mean the same table within a file: it is asked for once', async () => {
    const { encoder: one, asked } = encoder();
    await one.encode(boundary('binlog.000001'));
    for (let n = 1; n < 4; n += 1) {
      await one.encode(inserted('things', 90, { id: n }));
      await one.encode(boundary('binlog.000001'));
    }
    expect(asked).toEqual(['things']);
  });

  test('may mean another table in the next file, when the server was started again', async () => {
    const { encoder: one, parked } = encoder();
    await one.encode(inserted('things', 90, { id: 1 }));
    await one.encode(boundary('binlog.000001'));
    await one.encode(boundary('binlog.000002'));
    const [message] = await one.encode(inserted('beats', 90, { source: 'a', beat: 5 }));
    expect(parked).toEqual([]);
    expect(message).toMatchObject({
      table: 'beats',
      type: 'INSERT',
      pkNames: ['source'],
      data: [{ source: 'a', beat: '5' }],
    });
  });
});
