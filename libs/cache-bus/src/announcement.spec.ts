import { readAnnouncement } from './announcement';
import { encodeNotice, readNotice } from './cache-notice';
import type { CacheNotice } from './cache-notice';

const message = {
  data: [{ source: 'worker', beat: '1795236291531', acknowledged: '1795236291281' }],
  database: 'coupon',
  es: 1_795_236_291_000,
  gtid: '',
  id: 1,
  isDdl: false,
  mysqlType: { source: 'varchar(64)', beat: 'bigint' },
  old: [{ beat: '1795236291281' }],
  pkNames: ['source'],
  sql: '',
  sqlType: { source: 12, beat: -5 },
  table: 'cache_heartbeats',
  ts: 1_795_236_291_540,
  type: 'UPDATE',
};
const read = (value: object): ReturnType<typeof readAnnouncement> =>
  readAnnouncement(Buffer.from(JSON.stringify(value)), (table) => table === 'coupon_templates');

describe('messages of the binlog', () => {
  it('a row of the heartbeat table is a heartbeat', () => {
    expect(read(message)).toEqual({
      kind: 'heartbeats',
      beats: [{ source: 'worker', sentMs: 1_795_236_291_531, acknowledgedMs: 1_795_236_291_281 }],
    });
    expect(read({ ...message, type: 'INSERT', old: null })).toMatchObject({ beats: [{ source: 'worker' }] });
  });

  it.each([
    ['a removed row', { type: 'DELETE', old: null }],
    ['a beat that is no number', { data: [{ source: 'worker', beat: 'soon' }] }],
    ['a beat of NULL', { data: [{ source: 'worker', beat: null }] }],
    ['no source', { data: [{ beat: '1' }] }],
  ])('%s is none', (_what, part) => {
    expect(read({ ...message, ...part })).toEqual({ kind: 'heartbeats', beats: [] });
  });

  it('the same bytes have the same version, and whatever differs has another one', () => {
    const change = { ...message, table: 'coupon_templates' };
    const versions = [
      change,
      change,
      { ...change, id: 2 },
      { ...change, ts: 1 },
      { ...change, data: [{ a: '1' }] },
    ].map((value) => {
      const announcement = read(value);
      return announcement.kind === 'change' ? announcement.version : '';
    });
    expect(versions[0]).toMatch(/^[\w-]{16}$/);
    expect(versions[1]).toBe(versions[0]);
    expect(new Set(versions).size).toBe(4);
  });

  it('what cannot be read names its table where it can', () => {
    expect(read({ ...message, table: 'coupon_templates', data: 7 })).toMatchObject({
      kind: 'unreadable',
      table: 'coupon_templates',
      code: 'INVALID_CANAL_MESSAGE',
    });
    expect(readAnnouncement(Buffer.from('{'), () => false)).toMatchObject({
      kind: 'unreadable',
      table: '',
      code: 'NOT_JSON',
    });
  });
});

describe('rows of other tables', () => {
  it('are not looked at, whatever they are; definitions are', () => {
    expect(read({ ...message, table: 'user_coupons' })).toEqual({ kind: 'foreign' });
    expect(read({ ...message, table: 'user_coupons', data: 7 })).toEqual({ kind: 'foreign' });
    expect(
      read({ ...message, table: 'user_coupons', isDdl: true, data: null, old: null, type: 'RENAME' }),
    ).toMatchObject({
      kind: 'change',
    });
    // Nobody knows whose they are.
    expect(read({ ...message, table: '', data: 7 })).toMatchObject({ kind: 'unreadable' });
  });
});

describe('notices', () => {
  it.each<CacheNotice>([
    {
      kind: 'l2-reached',
      progress: [
        { source: 'a', sentMs: 1, settledMs: 0 },
        { source: 'b', sentMs: 3, settledMs: 2 },
      ],
    },
    { kind: 'sent', heartbeat: { source: 'a', sentMs: 1 } },
  ])('are read as they were written', (notice) => {
    expect(readNotice(Buffer.from(encodeNotice(notice)))).toEqual(notice);
  });

  it.each([
    '',
    'null',
    '{}',
    '{"l2_reached":1}',
    '{"l2_reached":[{"source":1,"beat":1,"settled":1}]}',
    '{"l2_reached":[{"source":"a","beat":1}]}',
    '{"sent":{"source":"a","beat":"1"}}',
  ])('%j is none', (text) => {
    expect(readNotice(Buffer.from(text))).toBeUndefined();
  });
});
