import { randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';

export type PlatformAuth =
  { readonly mode: 'none' } | { readonly mode: 'jwt'; readonly hs256Secret: string; readonly operatorToken: string };

const TOKEN_LIFETIME = '12h';

/** For mode jwt a fresh secret and a token of an operator signed with it. */
export async function createAuth(mode: 'none' | 'jwt'): Promise<PlatformAuth> {
  if (mode === 'none') return { mode };
  const hs256Secret = randomBytes(32).toString('base64url');
  return { mode, hs256Secret, operatorToken: await signToken(hs256Secret, { subject: 'operator', role: 'operator' }) };
}

export function signToken(hs256Secret: string, who: { subject: string; role?: 'operator' | 'admin' }): Promise<string> {
  return new SignJWT(who.role === undefined ? {} : { role: who.role })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(who.subject)
    .setIssuedAt()
    .setExpirationTime(TOKEN_LIFETIME)
    .sign(new TextEncoder().encode(hs256Secret));
}
