import { AddressList, withoutMapping } from './address-list';

describe('AddressList', () => {
  const list = new AddressList(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '2001:db9::1']);

  it.each([
    ['10.255.0.1', true],
    ['11.0.0.1', false],
    ['192.0.2.1', true],
    ['192.0.2.2', false],
    ['::ffff:10.1.2.3', true],
    ['::FFFF:11.1.2.3', false],
    ['2001:db8:ffff::1', true],
    ['2001:db9::1', true],
    ['2001:db9::2', false],
    ['', false],
    ['10.0.0.0/8', false],
    ['localhost', false],
  ])('knows %s: %s', (address, known) => {
    expect(list.has(address)).toBe(known);
  });

  it.each([
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/x',
    '::1/129',
    '::1/',
    'proxy',
    '',
    ' ',
  ])('refuses the entry "%s" instead of guessing', (entry) => {
    expect(() => new AddressList([entry])).toThrow(`not an address or a range: ${entry}`);
  });

  it('says when nobody is on it', () => {
    expect(new AddressList([]).isEmpty).toBe(true);
    expect(list.isEmpty).toBe(false);
    expect(withoutMapping('::ffff:1:2')).toBe('::ffff:1:2');
  });
});
