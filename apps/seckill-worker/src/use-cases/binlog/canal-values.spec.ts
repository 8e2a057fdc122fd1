import fc from 'fast-check';
import { NotEncodableError, canalValue } from './canal-values';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

describe('canalValue', () => {
  it.each([
    // type, value of the binlog, text, sqlType
    ['bigint unsigned', 1001, '1001', -5],
    ['bigint(20) unsigned', '18446744073709551615', '18446744073709551615', 3],
    ['bigint', '-9223372036854775808', '-9223372036854775808', -5],
    ['int unsigned', 2147483647, '2147483647', 4],
    ['int unsigned', 2147483648, '2147483648', -5],
    ['mediumint unsigned', 16777215, '16777215', 4],
    ['smallint unsigned', 40000, '40000', 4],
    ['tinyint unsigned', 200, '200', 5],
    ['tinyint(1)', 1, '1', -6],
    ['tinyint', -1, '-1', -6],
    ['decimal(10,2)', '19.90', '19.90', 3],
    ['decimal(10,2)', '10.00', '10.0', 3],
    ['decimal(10,2)', '0.00', '0.0', 3],
    ['decimal(10,2)', '-0.50', '-0.50', 3],
    ['decimal(10,0)', '7', '7', 3],
    ['decimal(30,8)', '12345678901234567890.12345678', '12345678901234567890.12345678', 3],
    ['decimal(20,9)', '1.000000000', '1.000000000', 3],
    ['decimal(20,11)', '1.12345678900', '1.123456789', 3],
    ['decimal(20,11)', '1.00000000000', '1.000000000', 3],
    ['float', Math.fround(1.1), '1.1', 7],
    ['float', 16777216, '1.6777216E7', 7],
    ['double', 1, '1.0', 8],
    ['double', 0.0001, '1.0E-4', 8],
    ['double', 12345678.5, '1.23456785E7', 8],
    ['double', -0, '-0.0', 8],
    ['bit(4)', bytes('05'), '5', -7],
    ['bit(64)', bytes('ffffffffffffffff'), '18446744073709551615', -7],
    ['timestamp(6)', '2026-11-21 10:00:00.123456', '2026-11-21 10:00:00.123456', 93],
    ['datetime', '2026-11-21 10:00:00', '2026-11-21 10:00:00', 93],
    ['date', '2026-11-21', '2026-11-21', 91],
    ['time(3)', '-00:00:00.500', '-00:00:00.500', 92],
    ['year', 2026, '2026', 12],
    ['year(4)', 1900, '0000', 12],
    ['char(26)', 'ab', 'ab', 1],
    ['varchar(64)', 'é中', 'é中', 12],
    ['text', 'é', 'é', 2005],
    ['longtext', '{}', '{}', 2005],
    ['varbinary(8)', bytes('00ff41'), '\u0000ÿA', 2004],
    ['blob', bytes('80'), '\u0080', 2004],
    ["enum('a','b')", 1, '1', 4],
    ["set('a','b')", 3, '3', -7],
    ['json', '{"a": 1}', '{"a": 1}', 12],
  ])('%s %p -> %p (%i)', (mysqlType, value, text, sqlType) => {
    expect(canalValue(value, mysqlType)).toEqual({ text, sqlType });
  });

  it.each([
    ['bigint unsigned', -5],
    ['json', 1111],
    ["set('a')", 2004],
    ['varbinary(8)', 2004],
    ['longtext', 2005],
    ["enum('a','b')", 4],
    ['bit(4)', -7],
  ])('gives NULL of %s the type %i', (mysqlType, sqlType) => {
    expect(canalValue(null, mysqlType)).toEqual({ text: null, sqlType });
  });

  it.each([
    ['vector(2)', bytes('00')],
    ['bigint', 1.5],
    ['bigint', undefined],
    ['decimal(10,2)', '1.5'],
    ['varchar(8)', bytes('00')],
    ['varbinary(8)', 'text'],
    ['double', Number.NaN],
    ['bit(1)', 1],
  ])('refuses a value of %s that it cannot tell: %p', (mysqlType, value) => {
    expect(() => canalValue(value, mysqlType)).toThrow(NotEncodableError);
  });

  it('never changes the value of a DECIMAL', () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 20n), 10n ** 20n), fc.integer({ min: 1, max: 20 }), (unscaled, scale) => {
        const sign = unscaled < 0n ? '-' : '';
        const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
        const text = `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
        const told = canalValue(text, `decimal(40,${scale})`).text ?? '';
        const [whole = '', fraction = ''] = told.split('.');
        expect(fraction.length).toBeGreaterThan(0);
        expect(`${whole}.${fraction.padEnd(scale, '0')}`).toBe(text);
      }),
    );
  });

  it('tells FLOAT and DOUBLE so that they can be read back exactly', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(canalValue(value, 'double').text)).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Math.fround(Number(canalValue(value, 'float').text))).toBe(value);
      }),
    );
  });
});
