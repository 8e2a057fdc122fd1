import { z } from 'zod';
import { env } from '../config/env';
import { problemsIn } from '../config/load-config';
import type { AuthOptions } from './authenticator';

/** The environment variables that say how callers prove who they are, for the schema of a service. NODE_ENV is among them: production refuses mode none. */
export const authVariables = Object.freeze({
  NODE_ENV: z.string().optional(),
  AUTH_MODE: env.oneOf(['jwt', 'none', 'edge']).default('jwt'),
  AUTH_HS256_SECRET: env.secret(32).optional(),
  AUTH_JWKS_URL: env.url(['http:', 'https:']).optional(),
  AUTH_TRUSTED_PROXIES: env.addressRanges().default([]),
});

type AuthVariables = z.output<z.ZodObject<typeof authVariables>>;

/** What no single one of them can tell; for `superRefine` of the schema. */
export function checkAuthVariables(value: AuthVariables, context: z.RefinementCtx): void {
  const problem = problemsIn(context);
  if (value.AUTH_MODE === 'none' && value.NODE_ENV === 'production') {
    problem('AUTH_MODE', 'none is refused when NODE_ENV is production');
  }
  if (value.AUTH_MODE === 'jwt' && (value.AUTH_HS256_SECRET === undefined) === (value.AUTH_JWKS_URL === undefined)) {
    problem('AUTH_HS256_SECRET', 'mode jwt needs exactly one of AUTH_HS256_SECRET and AUTH_JWKS_URL');
  }
  if (value.AUTH_MODE === 'edge' && value.AUTH_TRUSTED_PROXIES.length === 0) {
    problem('AUTH_TRUSTED_PROXIES', 'is required in mode edge');
  }
}

/** Checked variables -> what `createAuthenticator` takes. */
export function authOptionsOf(value: AuthVariables): AuthOptions {
  switch (value.AUTH_MODE) {
    case 'none':
      return { mode: 'none', nodeEnv: value.NODE_ENV };
    case 'jwt':
      return { mode: 'jwt', hs256Secret: value.AUTH_HS256_SECRET, jwksUrl: value.AUTH_JWKS_URL };
    case 'edge':
      return { mode: 'edge', trustedProxies: value.AUTH_TRUSTED_PROXIES };
  }
}
