import { createHmac, hash, timingSafeEqual } from 'node:crypto';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** Base64url characters of a digest, without padding. */
const DIGEST_CHARACTERS = 43;
/** Longer texts take node's own way; no header of a request is that long. */
const MAX_TEXT_LENGTH = 16 * 1024;

/**
 * HMAC-SHA256 (RFC 2104) of ASCII text under one key, from two one-shot hashes over buffers that are kept: half the cost of createHmac, whose
 * stream objects take longer to make than the digest. The specs hold it to RFC 4231 and to createHmac.
 */
export class HmacSha256 {
  private readonly inner = Buffer.alloc(BLOCK_BYTES + MAX_TEXT_LENGTH);
  private readonly outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);
  private readonly expected = Buffer.alloc(DIGEST_CHARACTERS);
  private readonly given = Buffer.alloc(DIGEST_CHARACTERS);
  private readonly key: Buffer;

  constructor(key: Uint8Array) {
    this.key = key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : Buffer.from(key);
    for (let at = 0; at < BLOCK_BYTES; at += 1) {
      this.inner[at] = (this.key[at] ?? 0) ^ 0x36;
      this.outer[at] = (this.key[at] ?? 0) ^ 0x5c;
    }
  }

  /** Base64url without padding. */
  sign(text: string): string {
    if (text.length > MAX_TEXT_LENGTH) return createHmac('sha256', this.key).update(text, 'latin1').digest('base64url');
    const length = this.inner.write(text, BLOCK_BYTES, 'latin1');
    this.outer.write(hash('sha256', this.inner.subarray(0, BLOCK_BYTES + length), 'binary'), BLOCK_BYTES, 'latin1');
    return hash('sha256', this.outer, 'base64url');
  }

  /** Whether `mac` is exactly what `sign` gives for `text`, in a time that does not depend on where they differ. */
  verify(text: string, mac: string): boolean {
    if (mac.length !== DIGEST_CHARACTERS) return false;
    this.expected.write(this.sign(text), 'latin1');
    // Not latin1: it would cut a character beyond it down to one that may fit.
    this.given.write(mac, 'utf8');
    return timingSafeEqual(this.expected, this.given);
  }
}
