import { BlockList, isIP } from 'node:net';
import { unauthenticated } from './auth-refusal';
import type { AuthRefusal } from './auth-refusal';
import { AuthStatistics } from './auth-statistics';
import type { Authenticator, Credentials } from './authenticator';
import { makeIdentity } from './identity';
import type { Identity } from './identity';

export interface EdgeOptions {
  readonly mode: 'edge';
  /** Addresses or CIDR ranges of the proxies whose headers are believed. */
  readonly trustedProxies: readonly string[];
  /** @default x-user-id */
  readonly userHeader?: string;
  /** @default x-user-role */
  readonly roleHeader?: string;
}

/** Mode edge: a named proxy has authenticated the caller and says who it is. @throws Error for proxies that are no addresses */
export function edgeAuthenticator(options: EdgeOptions): Authenticator {
  const { trustedProxies, userHeader = 'x-user-id', roleHeader = 'x-user-role' } = options;
  if (trustedProxies.length === 0) throw new Error('AUTH_MODE edge needs the addresses of its proxies');
  const trusted = blockListOf(trustedProxies);
  const statistics = new AuthStatistics();
  const judge = ({ peerAddress, header }: Credentials): Identity | AuthRefusal => {
    if (!isTrusted(trusted, peerAddress)) return 'untrusted_peer';
    return makeIdentity(header?.(userHeader), header?.(roleHeader)) ?? 'subject';
  };
  return {
    authenticate: async (credentials) => {
      const outcome = judge(credentials);
      if (typeof outcome === 'string') throw unauthenticated(statistics.refused(outcome));
      statistics.verified += 1;
      return outcome;
    },
    cached: () => undefined,
    authenticateNow: () => undefined,
    statistics,
  };
}

function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIP(address);
    if (family === 0) throw new Error(`not an address or a range: ${range}`);
    const type = family === 4 ? 'ipv4' : 'ipv6';
    if (prefix === undefined) list.addAddress(address, type);
    else list.addSubnet(address, Number(prefix), type);
  }
  return list;
}

function isTrusted(list: BlockList, peerAddress: string | undefined): boolean {
  // An IPv4 peer of a dual-stack socket shows as ::ffff:10.0.0.1.
  const address = (peerAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
