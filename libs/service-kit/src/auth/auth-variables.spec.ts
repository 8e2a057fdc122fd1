import { z } from 'zod';
import { ConfigError, loadConfig, problemsIn } from '../config/load-config';
import type { Environment } from '../config/load-config';
import { authOptionsOf, authVariables, checkAuthVariables } from './auth-variables';

const schema = z
  .object({ ...authVariables, ROUNDS: z.string().default('1') })
  .superRefine(checkAuthVariables)
  .superRefine(({ ROUNDS }, context) => {
    if (ROUNDS === '0') problemsIn(context)('ROUNDS', 'must not be zero');
  })
  .transform(authOptionsOf);

const SECRET = 's'.repeat(32);
const KEYS = 'https://keys/jwks.json';

function problemsOf(values: Environment): string[] {
  try {
    loadConfig(schema, values);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, message }) => `${variable} ${message}`);
  }
}

describe('variables of authentication', () => {
  it.each<[string, Environment, unknown]>([
    ['a secret', { AUTH_HS256_SECRET: SECRET }, { mode: 'jwt', hs256Secret: SECRET, jwksUrl: undefined }],
    ['a key set', { AUTH_MODE: 'jwt', AUTH_JWKS_URL: KEYS }, { mode: 'jwt', hs256Secret: undefined, jwksUrl: KEYS }],
    [
      'proxies',
      { AUTH_MODE: 'edge', AUTH_TRUSTED_PROXIES: '10.0.0.0/8, ::1' },
      { mode: 'edge', trustedProxies: ['10.0.0.0/8', '::1'] },
    ],
    ['nothing', { AUTH_MODE: 'none', NODE_ENV: 'test' }, { mode: 'none', nodeEnv: 'test' }],
    ['nothing, nowhere in particular', { AUTH_MODE: 'none' }, { mode: 'none', nodeEnv: undefined }],
  ])('become the options of a mode: %s', (_, values, options) => {
    expect(loadConfig(schema, values)).toEqual(options);
  });

  const ONE_OF_TWO = 'AUTH_HS256_SECRET mode jwt needs exactly one of AUTH_HS256_SECRET and AUTH_JWKS_URL';
  it.each<[string, Environment, string]>([
    ['mode jwt without keys', {}, ONE_OF_TWO],
    ['mode jwt with two kinds of keys', { AUTH_HS256_SECRET: SECRET, AUTH_JWKS_URL: KEYS }, ONE_OF_TWO],
    [
      'mode none in production',
      { AUTH_MODE: 'none', NODE_ENV: 'production' },
      'AUTH_MODE none is refused when NODE_ENV is production',
    ],
    ['mode edge without proxies', { AUTH_MODE: 'edge' }, 'AUTH_TRUSTED_PROXIES is required in mode edge'],
    ['another mode', { AUTH_MODE: 'basic' }, 'AUTH_MODE must be one of jwt, none, edge'],
    ['a short secret', { AUTH_HS256_SECRET: 's'.repeat(31) }, 'AUTH_HS256_SECRET must be at least 32 bytes long'],
    [
      'keys from somewhere else',
      { AUTH_JWKS_URL: 'file:///keys' },
      'AUTH_JWKS_URL must be a URL starting with http:// or https://',
    ],
    [
      'proxies that are no addresses',
      { AUTH_MODE: 'edge', AUTH_TRUSTED_PROXIES: 'proxy' },
      'AUTH_TRUSTED_PROXIES must be a comma-separated list of addresses and ranges such as 10.0.0.0/8',
    ],
  ])('are refused: %s', (_, values, problem) => {
    expect(problemsOf(values)).toEqual([problem]);
  });

  it('are asked for in their own mode only', () => {
    expect(problemsOf({ AUTH_MODE: 'edge', AUTH_TRUSTED_PROXIES: '::1', NODE_ENV: 'production' })).toEqual([]);
    expect(problemsOf({ AUTH_HS256_SECRET: SECRET, NODE_ENV: 'production' })).toEqual([]);
  });

  it('do not hide what the service finds wrong with its own', () => {
    expect(problemsOf({ ROUNDS: '0' })).toEqual([ONE_OF_TWO, 'ROUNDS must not be zero']);
  });
});
