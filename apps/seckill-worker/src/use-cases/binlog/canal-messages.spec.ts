import { parseCanalMessage } from '@coupon/contracts';
import type { RowsEvent } from './binlog-source';
import { anythingChanged, canalText, rowsChange } from './canal-messages';
import { NotEncodableError } from './canal-values';

const definitions = [
  { name: 'id', mysqlType: 'bigint', isKey: true },
  { name: 'a', mysqlType: 'int', isKey: false },
  { name: 'b', mysqlType: 'json', isKey: false },
];

function event(over: Partial<RowsEvent>): RowsEvent {
  const columns = definitions.map(({ name }) => name);
  return {
    kind: 'rows',
    type: 'INSERT',
    database: 'd',
    table: 't',
    tableId: 1,
    columns,
    rows: [],
    esMs: 1_000,
    ...over,
  };
}

it('lets the old values of a row show what earlier rows of the same change have changed', () => {
  const change = rowsChange(
    event({
      type: 'UPDATE',
      rows: [
        { before: { id: 1, a: 1, b: null }, after: { id: 1, a: 2, b: null } },
        { before: { id: 2, a: 5, b: null }, after: { id: 2, a: 5, b: '1' } },
      ],
    }),
    definitions,
  );
  expect(change.old).toEqual([{ a: '1' }, { a: '5', b: null }]);
  expect(change.data).toEqual([
    { id: '1', a: '2', b: null },
    { id: '2', a: '5', b: '1' },
  ]);
});

it('takes the types of the last row', () => {
  const rows = [
    { before: null, after: { id: 1, a: null, b: '1' } },
    { before: null, after: { id: 2, a: 1, b: null } },
  ];
  expect(rowsChange(event({ rows }), definitions).sqlType).toEqual({ id: -5, a: 4, b: 1111 });
  expect(rowsChange(event({ rows: rows.slice(0, 1) }), definitions).sqlType).toEqual({ id: -5, a: 4, b: 12 });
});

it('names no key where there is none', () => {
  const keyless = definitions.map((definition) => ({ ...definition, isKey: false }));
  const rows = [{ before: { id: 1, a: 1, b: null }, after: null }];
  expect(rowsChange(event({ type: 'DELETE', rows }), keyless).pkNames).toBeNull();
  expect(rowsChange(event({ type: 'DELETE', rows }), definitions).pkNames).toEqual(['id']);
});

it.each([
  ['another number of columns', event({ columns: ['id', 'a'] })],
  ['other columns', event({ columns: ['id', 'b', 'a'] })],
  ['a value that was not read', event({ rows: [{ before: null, after: { id: 1, a: undefined, b: null } }] })],
  ['no row image', event({ rows: [{ before: null, after: null }] })],
])('refuses an event with %s', (_what, broken) => {
  expect(() => rowsChange(broken, definitions)).toThrow(NotEncodableError);
});

it('says that anything may have changed in a form a consumer of Canal understands, another one each time', () => {
  const texts = [1_500, 1_501].map((nowMs) => canalText(anythingChanged('d', 't', 'why */ not\n', nowMs), 7, nowMs));
  const [first, second] = texts.map((text) => parseCanalMessage(text));
  expect(first).toMatchObject({ ok: true, message: { isDdl: true, type: 'TRUNCATE', table: 't', es: 1_000, id: 7 } });
  expect(first?.ok && first.message.sql).not.toEqual(second?.ok && second.message.sql);
  expect(first?.ok && first.message.sql.match(/\*\//g)).toHaveLength(1);
});
