import { createHmac, timingSafeEqual } from 'node:crypto';

/** Hexadecimal digits of either case; the label is ours alone. */
const SIGNATURE = /^sha256=([0-9a-fA-F]{64})$/;

/** Whether the header `sha256=<hex>` is the HMAC-SHA256 of the body as it came; takes as long wherever the two differ. */
export function isSignedBy(secret: string, body: Uint8Array, header: string | undefined): boolean {
  const hex = SIGNATURE.exec(header ?? '')?.[1];
  if (hex === undefined) return false;
  return timingSafeEqual(Buffer.from(hex, 'hex'), createHmac('sha256', secret).update(body).digest());
}
