import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCanalMessage } from '@coupon/contracts';
import type { CanalMessage } from '@coupon/contracts';
import { affectedBy, columnOf } from './table-keys';
import type { TableKeys } from './table-keys';

const FIXTURE = join(__dirname, '..', '..', 'contracts', 'test', 'fixtures', 'canal-flat-samples.json');
const { samples } = JSON.parse(readFileSync(FIXTURE, 'utf8')) as { samples: { case: string; value: CanalMessage }[] };
const sample = (name: string): CanalMessage => {
  const found = samples.find((one) => one.case.startsWith(name));
  const parsed = parseCanalMessage(JSON.stringify(found?.value));
  if (!parsed.ok) throw new Error(`${name}: ${parsed.reason}`);
  return parsed.message;
};
const byUser: TableKeys = { table: 'user_coupon', keys: (row) => [columnOf(row, 'user_id')] };
const byId: TableKeys = { table: 'user_coupon', keys: (row) => [columnOf(row, 'id')] };

const rowsOf = (message: CanalMessage): number => message.data?.length ?? 0;

describe('what a change means for a cache', () => {
  it.each(samples.map((one) => [one.case] as const))('recorded from Canal: %s', (name) => {
    const message = sample(name);
    const affected = affectedBy(message, [byUser]);
    if (message.isDdl) expect(affected.kind).toBe('all');
    else if (message.table === 'user_coupon') {
      const users = new Set((message.data ?? []).map((row) => row['user_id']));
      expect(affected).toEqual({ kind: 'keys', keys: [...users] });
      expect(rowsOf(message)).toBeGreaterThan(0);
    } else expect(affected).toEqual({ kind: 'none' });
  });

  it('the samples hold inserts, updates, deletes and definitions', () => {
    const kinds = new Set(samples.map(({ value }) => (value.isDdl ? 'ddl' : value.type)));
    expect([...kinds]).toEqual(expect.arrayContaining(['INSERT', 'UPDATE', 'DELETE', 'ddl']));
  });

  it('a row whose key changes concerns both keys', () => {
    const message = sample('mariadb.update.primaryKey');
    const [row] = message.data ?? [];
    const [old] = message.old ?? [];
    expect(old?.['id']).toBeDefined();
    expect(affectedBy(message, [byId])).toEqual({ kind: 'keys', keys: [row?.['id'], old?.['id']] });
  });

  const update: CanalMessage = {
    ...sample('mysql97.update'),
    data: [
      { id: '1', user_id: '7', note: 'a' },
      { id: '2', user_id: '8', note: 'b' },
    ],
    old: [{ note: 'x' }, { note: 'y', user_id: '9' }],
  };

  it('a change of nothing but ignored columns is none, and one of more than those is one', () => {
    expect(affectedBy(update, [{ ...byUser, ignores: ['note'] }])).toEqual({ kind: 'keys', keys: ['8', '9'] });
    expect(affectedBy(update, [{ ...byUser, ignores: ['note', 'user_id'] }])).toEqual({ kind: 'none' });
    expect(affectedBy({ ...update, type: 'INSERT', old: null }, [{ ...byUser, ignores: ['note'] }])).toEqual({
      kind: 'keys',
      keys: ['7', '8'],
    });
  });

  it.each([
    ['a column that is gone', { data: [{ id: '1' }], old: [{ id: '0' }] }],
    ['NULL in the key', { data: [{ id: '1', user_id: null }], old: [{ id: '0' }] }],
  ])('%s concerns everything', (_what, part) => {
    expect(affectedBy({ ...update, ...part }, [byUser])).toEqual({ kind: 'all', because: 'no user_id in the row' });
  });

  const ddl: CanalMessage = {
    ...update,
    isDdl: true,
    data: null,
    old: null,
    mysqlType: null,
    sqlType: null,
    pkNames: null,
    type: 'TRUNCATE',
  };

  it.each([
    ['TRUNCATE', 'user_coupon', 'TRUNCATE TABLE user_coupon', 'all'],
    ['ALTER', 'user_coupon', 'ALTER TABLE user_coupon ADD COLUMN a INT', 'all'],
    ['RENAME', 'spare', 'RENAME TABLE `user_coupon` TO spare', 'all'],
    ['QUERY', '', 'DROP DATABASE coupon', 'all'],
    ['ALTER', 'user_coupons', 'ALTER TABLE user_coupons ADD COLUMN a INT', 'none'],
    ['CREATE', 'my_user_coupon', 'CREATE TABLE my_user_coupon (id INT)', 'none'],
  ])('%s %s (%s) concerns %s', (type, table, sql, kind) => {
    expect(affectedBy({ ...ddl, type, table, sql }, [byUser]).kind).toBe(kind);
  });

  it('other tables and annotations of statements concern nothing', () => {
    expect(affectedBy({ ...update, table: 'audit_log' }, [byUser])).toEqual({ kind: 'none' });
    expect(affectedBy({ ...ddl, isDdl: false, type: 'QUERY', table: '' }, [byUser])).toEqual({ kind: 'none' });
  });
});
