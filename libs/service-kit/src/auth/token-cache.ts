import type { Identity } from './identity';
import type { VerificationKey } from './verification-keys';

export interface TokenCacheLimits {
  /** @default 50000 */
  readonly maxEntries: number;
  /** Bytes of all entries by estimate: the header's length and {@link ENTRY_OVERHEAD_BYTES} each. @default 33554432 */
  readonly maxBytes: number;
}

export const DEFAULT_TOKEN_CACHE: TokenCacheLimits = { maxEntries: 50_000, maxBytes: 32 * 1024 * 1024 };

export interface KnownToken {
  readonly identity: Identity;
  /** The key that verified it; an entry dies with its key. */
  readonly key: VerificationKey;
  /** Valid from this moment, epoch milliseconds; matters only to a clock that was set back. */
  readonly fromMs: number;
  /** Valid before this moment, epoch milliseconds. */
  readonly untilMs: number;
}

interface Entry extends KnownToken {
  readonly header: string;
}

/** Entry, identity, subject and a place in the map. */
const ENTRY_OVERHEAD_BYTES = 320;
/** A longer header is verified every time: a few of them would push out everybody else. */
const MAX_HEADER_LENGTH = 4_096;

/**
 * Verified tokens by the whole text of their Authorization header: a map compares texts in full, so that no two tokens can be mistaken for each
 * other, and the text needs no hashing of its own. Two generations, each with half of the limits: a full young one becomes the old one and
 * the old one is dropped, which evicts in O(1) per entry; what is used again in the old one moves to the young one.
 */
export class TokenCache {
  private young = new Map<string, Entry>();
  private old = new Map<string, Entry>();
  private youngBytes = 0;
  private oldBytes = 0;

  constructor(private readonly limits: TokenCacheLimits = DEFAULT_TOKEN_CACHE) {
    for (const [name, limit] of Object.entries(limits)) {
      if (!Number.isSafeInteger(limit) || limit < 0)
        throw new Error(`${name} of the token cache must be a whole number`);
    }
  }

  get(header: string, nowMs: number): Identity | undefined {
    const entry = this.young.get(header) ?? this.fromOld(header);
    if (entry === undefined) return undefined;
    if (nowMs < entry.untilMs && nowMs >= entry.fromMs && !entry.key.retired) return entry.identity;
    this.young.delete(header);
    this.youngBytes -= bytesOf(header);
    return undefined;
  }

  set(header: string, token: KnownToken): void {
    if (header.length > MAX_HEADER_LENGTH) return;
    this.add({ ...token, header: ownCopy(header) });
  }

  get size(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.young.size + this.old.size, bytes: this.youngBytes + this.oldBytes };
  }

  private fromOld(header: string): Entry | undefined {
    const entry = this.old.get(header);
    if (entry === undefined) return undefined;
    this.old.delete(header);
    this.oldBytes -= bytesOf(header);
    this.add(entry);
    return entry;
  }

  private add(entry: Entry): void {
    const bytes = bytesOf(entry.header);
    const { maxEntries, maxBytes } = this.limits;
    if (2 > maxEntries || 2 * bytes > maxBytes) return;
    if (2 * (this.young.size + 1) > maxEntries || 2 * (this.youngBytes + bytes) > maxBytes) {
      this.old = this.young;
      this.oldBytes = this.youngBytes;
      this.young = new Map();
      this.youngBytes = 0;
    }
    if (!this.young.has(entry.header)) this.youngBytes += bytes;
    this.young.set(entry.header, entry);
  }
}

function bytesOf(header: string): number {
  return header.length + ENTRY_OVERHEAD_BYTES;
}

/** A header cut out of a connection's buffer is a slice that would keep the whole buffer alive. */
function ownCopy(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
