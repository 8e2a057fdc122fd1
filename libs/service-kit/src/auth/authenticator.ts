import { BlockList, isIP } from 'node:net';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose';
import { AppError, isIdText } from '@coupon/domain';
import type { UserId } from '@coupon/domain';
import type { Identity, Role } from './identity';

/** What a request offers to prove who it is from. */
export interface Credentials {
  /** The value of the Authorization header or metadata. */
  readonly authorization?: string | undefined;
  /** Address of the connection's other end; mode edge only. */
  readonly peerAddress?: string | undefined;
  /** Reads another header, name in lower case; mode edge only. */
  readonly header?: (name: string) => string | undefined;
}

export interface Authenticator {
  /** @throws UNAUTHENTICATED; NOT_READY when the key server cannot be reached. */
  authenticate(credentials: Credentials): Promise<Identity>;
}

export type AuthOptions =
  | {
      readonly mode: 'jwt';
      /** HS256 secret of at least 32 bytes, or … */
      readonly hs256Secret?: string | undefined;
      /** … the URL of a key set for RS, PS, ES and EdDSA tokens. Exactly one of the two. */
      readonly jwksUrl?: string | undefined;
      readonly issuer?: string;
      readonly audience?: string;
    }
  | { readonly mode: 'none'; readonly nodeEnv: string | undefined }
  | {
      readonly mode: 'edge';
      /** Addresses or CIDR ranges of the proxies whose headers are believed. */
      readonly trustedProxies: readonly string[];
      /** @default x-user-id */
      readonly userHeader?: string;
      /** @default x-user-role */
      readonly roleHeader?: string;
    };

const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const MIN_SECRET_BYTES = 32;
const CLOCK_TOLERANCE_S = 5;
const ANYBODY: Identity = Object.freeze({ userId: null, role: 'admin', subject: 'anonymous', anyUser: true });

/** @throws Error when the options cannot be used, for instance mode none in production. */
export function createAuthenticator(options: AuthOptions): Authenticator {
  switch (options.mode) {
    case 'jwt':
      return jwtAuthenticator(options);
    case 'none':
      if (options.nodeEnv === 'production') throw new Error('AUTH_MODE none is refused when NODE_ENV is production');
      return { authenticate: () => Promise.resolve(ANYBODY) };
    case 'edge':
      return edgeAuthenticator(options);
  }
}

function jwtAuthenticator(options: Extract<AuthOptions, { mode: 'jwt' }>): Authenticator {
  const { verify, algorithms } = keyOf(options);
  const checks: JWTVerifyOptions = {
    algorithms,
    clockTolerance: CLOCK_TOLERANCE_S,
    ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
    ...(options.audience === undefined ? {} : { audience: options.audience }),
  };
  return {
    authenticate: async ({ authorization }) => {
      const token = bearerToken(authorization);
      try {
        return identityOf(await verify(token, checks));
      } catch (error) {
        throw authError(error);
      }
    },
  };
}

function keyOf({ hs256Secret, jwksUrl }: Extract<AuthOptions, { mode: 'jwt' }>): {
  verify: (token: string, checks: JWTVerifyOptions) => Promise<JWTPayload>;
  algorithms: string[];
} {
  if ((hs256Secret === undefined) === (jwksUrl === undefined)) {
    throw new Error('AUTH_MODE jwt needs exactly one of AUTH_HS256_SECRET and AUTH_JWKS_URL');
  }
  if (hs256Secret !== undefined) {
    const key = new TextEncoder().encode(hs256Secret);
    if (key.length < MIN_SECRET_BYTES)
      throw new Error(`AUTH_HS256_SECRET must have at least ${MIN_SECRET_BYTES} bytes`);
    return { verify: async (token, checks) => (await jwtVerify(token, key, checks)).payload, algorithms: ['HS256'] };
  }
  const keys: JWTVerifyGetKey = createRemoteJWKSet(new URL(jwksUrl ?? ''), { timeoutDuration: 3_000 });
  return { verify: async (token, checks) => (await jwtVerify(token, keys, checks)).payload, algorithms: ASYMMETRIC };
}

function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined) throw new AppError('UNAUTHENTICATED', 'the Authorization header is missing');
  const [, token] = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization) ?? [];
  if (token === undefined) throw new AppError('UNAUTHENTICATED', 'the Authorization header is not a bearer token');
  return token;
}

function identityOf({ sub, role }: JWTPayload): Identity {
  return makeIdentity(sub, typeof role === 'string' ? role : undefined);
}

function makeIdentity(subject: string | undefined, roleName: string | undefined): Identity {
  const role: Role = roleName === 'admin' || roleName === 'operator' ? roleName : 'user';
  if (subject === undefined || subject === '') throw new AppError('UNAUTHENTICATED', 'the caller has no subject');
  const userId = isIdText(subject) ? (subject as UserId) : null;
  if (role === 'user' && userId === null) throw new AppError('UNAUTHENTICATED', 'the subject is not a user id');
  return { userId, role, subject: subject.slice(0, 64), anyUser: false };
}

/** A token that cannot be used is the caller's problem; a key server that cannot be reached is ours. */
function authError(error: unknown): unknown {
  if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) {
    if (error instanceof AppError) return error;
    return new AppError('NOT_READY', 'the keys for tokens cannot be read', {
      details: { retry_after_ms: 1_000 },
      cause: error,
    });
  }
  if (error instanceof errors.JWTExpired)
    return new AppError('UNAUTHENTICATED', 'the token has expired', { cause: error });
  // jose's own class for an unusable answer of the key server.
  if (error.code === 'ERR_JOSE_GENERIC' || error instanceof errors.JWKSInvalid) {
    return new AppError('NOT_READY', 'the keys for tokens cannot be read', { cause: error });
  }
  return new AppError('UNAUTHENTICATED', 'the token is not valid', { cause: error });
}

function edgeAuthenticator(options: Extract<AuthOptions, { mode: 'edge' }>): Authenticator {
  const { trustedProxies, userHeader = 'x-user-id', roleHeader = 'x-user-role' } = options;
  if (trustedProxies.length === 0) throw new Error('AUTH_MODE edge needs the addresses of its proxies');
  const trusted = blockListOf(trustedProxies);
  return {
    authenticate: async ({ peerAddress, header }) => {
      if (!isTrusted(trusted, peerAddress)) throw new AppError('UNAUTHENTICATED', 'not called through a trusted proxy');
      return makeIdentity(header?.(userHeader), header?.(roleHeader));
    },
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
