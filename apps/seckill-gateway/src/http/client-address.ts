import { BlockList, isIP } from 'node:net';

/**
 * Whose address a limit counts. The peer's, unless it is a trusted proxy: then the last address in X-Forwarded-For that is not one of ours
 * (what stands before it, the client may have written itself). IPv6 counts by its /64, which is what one subscriber has.
 */
export class ClientAddresses {
  private readonly trusted = new BlockList();
  private readonly trustsNobody: boolean;

  /** @param trustedProxies addresses or CIDR ranges @throws Error naming the entry that is neither */
  constructor(trustedProxies: readonly string[]) {
    this.trustsNobody = trustedProxies.length === 0;
    for (const entry of trustedProxies) {
      const [address = '', prefix] = entry.split('/');
      const family = isIP(address);
      const bits = prefix === undefined ? undefined : Number(prefix);
      if (family === 0 || (bits !== undefined && !(bits >= 0 && bits <= (family === 4 ? 32 : 128)))) {
        throw new Error(`not an address or a range: ${entry}`);
      }
      const type = family === 4 ? 'ipv4' : 'ipv6';
      if (bits === undefined) this.trusted.addAddress(address, type);
      else this.trusted.addSubnet(address, bits, type);
    }
  }

  /** @returns '' when the peer is not known (a socket that is closed already). */
  of(peer: string | undefined, forwardedFor: string | undefined): string {
    if (peer === undefined) return '';
    const nearest = withoutMapping(peer);
    if (this.trustsNobody || forwardedFor === undefined || !this.isTrusted(nearest)) return counted(nearest);
    let client = nearest;
    for (const entry of forwardedFor.split(',').reverse()) {
      const address = withoutMapping(entry.trim());
      if (isIP(address) === 0) break;
      client = address;
      if (!this.isTrusted(address)) break;
    }
    return counted(client);
  }

  /** Whether what this peer says about others is believed. */
  trusts(peer: string | undefined): boolean {
    return peer !== undefined && !this.trustsNobody && this.isTrusted(withoutMapping(peer));
  }

  private isTrusted(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.trusted.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }
}

/** An IPv4 peer of a dual-stack socket shows as ::ffff:10.0.0.1. */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
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
