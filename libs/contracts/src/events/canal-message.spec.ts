import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseCanalMessage } from './canal-message';

const FIXTURE = join(__dirname, '..', '..', 'test', 'fixtures', 'canal-flat-samples.json');
const { samples } = JSON.parse(readFileSync(FIXTURE, 'utf8')) as {
  samples: { case: string; value: Record<string, unknown> }[];
};
const update = samples.find((sample) => sample.case === 'mysql97.update')?.value ?? {};

describe('parseCanalMessage', () => {
  it.each(samples.map((sample) => [sample.case, sample.value] as const))(
    'reads what Canal wrote: %s',
    (_case, value) => {
      const body = JSON.stringify(value);
      expect(parseCanalMessage(body)).toEqual({ ok: true, message: value });
      expect(parseCanalMessage(Buffer.from(`xx${body}xx`).subarray(2, -2))).toEqual({ ok: true, message: value });
    },
  );

  it('lets fields through that it does not know, and does without gtid', () => {
    const { gtid: _gtid, ...rest } = update;
    expect(parseCanalMessage(JSON.stringify({ ...rest, nanos: 1 }))).toEqual({
      ok: true,
      message: { ...update, nanos: 1 },
    });
  });

  it.each([
    ['data', { data: null }],
    ['data', { data: [] }],
    ['data.0.id', { data: [{ id: 1 }] }],
    ['old', { old: null }],
    ['old', { old: [{ status: '0' }, { status: '0' }] }],
    ['isDdl', { isDdl: 'false' }],
    ['es', { es: '1795238268000' }],
    ['type', { type: '' }],
  ])('names the field that is wrong (%s), and the table', (field, change) => {
    const parsed = parseCanalMessage(JSON.stringify({ ...update, ...change }));
    expect(parsed).toMatchObject({
      ok: false,
      code: 'INVALID_CANAL_MESSAGE',
      database: 'coupon',
      table: 'user_coupon',
    });
    expect(parsed.ok || parsed.reason).toMatch(new RegExp(`^${field}`));
  });

  it('says nothing of the table where it cannot read one, and never quotes the body', () => {
    const broken = parseCanalMessage('{"table":"user_coupon","secret');
    expect(broken).toEqual({ ok: false, code: 'NOT_JSON', reason: 'body is not JSON', database: '', table: '' });
    expect(parseCanalMessage('7')).toMatchObject({ code: 'INVALID_CANAL_MESSAGE', database: '', table: '' });
    expect(parseCanalMessage('{"table":7}')).toMatchObject({ code: 'INVALID_CANAL_MESSAGE', table: '' });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.uint8Array()), (body) => {
        expect(parseCanalMessage(body).ok).toBe(false);
      }),
    );
  });
});
