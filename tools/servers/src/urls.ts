import { randomBytes } from 'node:crypto';

/** A password for one run; nothing has a default one. */
export function freshSecret(): string {
  return randomBytes(15).toString('base64url');
}

/** The URL as it may be printed. */
export function withoutCredentials(url: string): string {
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  return parsed.toString().replace(/\/$/, '');
}
