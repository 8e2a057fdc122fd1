import { ClientAddresses } from './client-address';

describe('the address a limit counts', () => {
  const behindProxies = new ClientAddresses(['10.0.0.0/8', '2001:db8:ff::1']);

  test.each([
    ['the peer of a direct connection', '203.0.113.7', undefined, '203.0.113.7'],
    ['the peer, whatever it claims, when it is no proxy of ours', '203.0.113.7', '198.51.100.1', '203.0.113.7'],
    ['an IPv4 peer of a dual-stack socket', '::ffff:203.0.113.7', undefined, '203.0.113.7'],
    ['what our proxy has seen', '10.1.1.1', '198.51.100.1', '198.51.100.1'],
    [
      'what our proxy has seen, not what the client wrote before it',
      '10.1.1.1',
      '1.2.3.4, 198.51.100.1',
      '198.51.100.1',
    ],
    ['the client behind two of our proxies', '10.1.1.1', '198.51.100.1, 10.2.2.2', '198.51.100.1'],
    ['a proxy of ours, where only proxies were on the way', '10.1.1.1', '10.3.3.3', '10.3.3.3'],
    ['the last readable entry, where the client wrote nonsense', '10.1.1.1', 'nonsense, 10.2.2.2', '10.2.2.2'],
    ['the proxy itself without a list', '10.1.1.1', '', '10.1.1.1'],
    ['an IPv6 client by its /64', '2001:db8:1:2:3:4:5:6', undefined, '2001:db8:1:2::/64'],
    ['a shortened IPv6 address as the same network', '2001:DB8:1:2::9', undefined, '2001:db8:1:2::/64'],
    ['IPv6 through a proxy', '2001:db8:ff::1', '2001:db8:0:00a1::5', '2001:db8:0:a1::/64'],
    ['a peer that is gone', undefined, '1.2.3.4', ''],
  ])('%s', (_what, peer, forwarded, expected) => {
    expect(behindProxies.of(peer, forwarded)).toBe(expected);
  });

  test('without trusted proxies nobody is believed', () => {
    const direct = new ClientAddresses([]);
    expect(direct.of('10.1.1.1', '198.51.100.1')).toBe('10.1.1.1');
    expect(direct.trusts('10.1.1.1')).toBe(false);
    expect(behindProxies.trusts('::ffff:10.1.1.1')).toBe(true);
  });

  test.each(['proxy.local', '10.0.0.0/33', '10.0.0.0/x'])('refuses to start with %s', (entry) => {
    expect(() => new ClientAddresses([entry])).toThrow(entry);
  });
});
