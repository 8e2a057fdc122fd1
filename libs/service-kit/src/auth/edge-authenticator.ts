import { AddressList } from '../net/address-list';
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
  const trusted = new AddressList(trustedProxies);
  const statistics = new AuthStatistics();
  const judge = ({ peerAddress, header }: Credentials): Identity | AuthRefusal => {
    if (!trusted.has(peerAddress ?? '')) return 'untrusted_peer';
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
