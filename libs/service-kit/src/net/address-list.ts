import { BlockList, isIP } from 'node:net';

const BITS = { ipv4: 32, ipv6: 128 } as const;

/** Addresses and CIDR ranges, IPv4 and IPv6. */
export class AddressList {
  private readonly list = new BlockList();
  readonly isEmpty: boolean;

  /** @throws Error naming the entry that is neither an address nor a range */
  constructor(entries: readonly string[]) {
    this.isEmpty = entries.length === 0;
    for (const entry of entries) {
      const range = parseRange(entry);
      if (range === undefined) throw new Error(`not an address or a range: ${entry}`);
      const { address, family, bits } = range;
      if (bits === undefined) this.list.addAddress(address, family);
      else this.list.addSubnet(address, bits, family);
    }
  }

  has(address: string): boolean {
    const plain = withoutMapping(address);
    const family = familyOf(plain);
    return family !== undefined && this.list.check(plain, family);
  }
}

/** An IPv4 peer of a dual-stack socket shows as ::ffff:10.0.0.1. */
export function withoutMapping(address: string): string {
  return /^::ffff:\d+\./i.test(address) ? address.slice('::ffff:'.length) : address;
}

/** Digits only: Number('') is 0, and a range that ends with a slash would be everybody. */
const PREFIX = /^\d{1,3}$/;

function parseRange(
  entry: string,
): { readonly address: string; readonly family: 'ipv4' | 'ipv6'; readonly bits: number | undefined } | undefined {
  const [address = '', prefix, more] = entry.split('/');
  const family = familyOf(address);
  if (family === undefined || more !== undefined) return undefined;
  if (prefix === undefined) return { address, family, bits: undefined };
  const bits = Number(prefix);
  return PREFIX.test(prefix) && bits <= BITS[family] ? { address, family, bits } : undefined;
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const family = isIP(address);
  return family === 0 ? undefined : family === 4 ? 'ipv4' : 'ipv6';
}
