import { isIP } from 'node:net';
import { AddressList, withoutMapping } from '@coupon/service-kit';

/**
 * Whose address a limit counts. The peer's, unless it is a trusted proxy: then the last address in X-Forwarded-For that is not one of ours
 * (what stands before it, the client may have written itself). IPv6 counts by its /64, which is what one subscriber has.
 */
export class ClientAddresses {
  private readonly trusted: AddressList;

  /** @param trustedProxies addresses or CIDR ranges @throws Error naming the entry that is neither */
  constructor(trustedProxies: readonly string[]) {
    this.trusted = new AddressList(trustedProxies);
  }

  /** @returns '' when the peer is not known (a socket that is closed already). */
  of(peer: string | undefined, forwardedFor: string | undefined): string {
    if (peer === undefined) return '';
    const nearest = withoutMapping(peer);
    if (this.trusted.isEmpty || forwardedFor === undefined || !this.trusted.has(nearest)) return counted(nearest);
    let client = nearest;
    for (const entry of forwardedFor.split(',').reverse()) {
      const address = withoutMapping(entry.trim());
      if (isIP(address) === 0) break;
      client = address;
      if (!this.trusted.has(address)) break;
    }
    return counted(client);
  }

  /** Whether what this peer says about others is believed. */
  trusts(peer: string | undefined): boolean {
    return peer !== undefined && this.trusted.has(peer);
  }
}

function counted(address: string): string {
  return address.includes(':') ? `${network(address)}::/64` : address;
}

/** The first four groups of an IPv6 address. */
function network(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('%')[0]?.split('::') ?? [];
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length;
  const groups = [...front, ...Array<string>(Math.max(0, zeros)).fill('0'), ...back];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
