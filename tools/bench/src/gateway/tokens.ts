import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { FIRST_USER } from './sales';

const LIFETIME_S = 12 * 3_600;
const KEY_ID = 'bench';
const RSA_BITS = 2_048;
/** Signatures under way at once: they are made by the threads of libuv. */
const PARALLEL = 64;

export interface TokenFile {
  readonly file: string;
  /** Bytes of each token. */
  readonly length: number;
  readonly count: number;
}

type Algorithm = 'hs256' | 'rs256';
type SignText = (text: string) => string | Promise<string>;

/** Tokens of users, made before they are used, and the configuration with which a gateway believes them. */
export class TokenMint {
  private readonly secret = randomBytes(32).toString('base64url');
  private readonly files = new Map<Algorithm, TokenFile>();
  private rsa: { readonly key: KeyObject; readonly jwksUrl: string } | undefined;

  constructor(
    private readonly directory: string,
    private readonly defer: (cleanUp: () => void) => void,
  ) {}

  /** One token for each of at least `count` users, from the first on. Made once, used by every round. */
  async tokens(algorithm: Algorithm, count: number): Promise<TokenFile> {
    const known = this.files.get(algorithm);
    if (known !== undefined && known.count >= count) return known;
    const header = algorithm === 'hs256' ? { alg: 'HS256', typ: 'JWT' } : { alg: 'RS256', typ: 'JWT', kid: KEY_ID };
    const made = await this.make(base64url(header), algorithm === 'hs256' ? this.hmac() : await this.rsaSign(), count);
    const file = { file: join(this.directory, `tokens-${algorithm}`), length: made[0]?.length ?? 0, count };
    if (made.some((token) => token.length !== file.length)) throw new Error('tokens of different lengths');
    writeFileSync(file.file, made.join(''), 'latin1');
    this.files.set(algorithm, file);
    return file;
  }

  async environment(auth: 'none' | Algorithm): Promise<Record<string, string>> {
    if (auth === 'none') return { AUTH_MODE: 'none', NODE_ENV: 'development' };
    const common = { AUTH_MODE: 'jwt', NODE_ENV: 'production' };
    if (auth === 'hs256') return { ...common, AUTH_HS256_SECRET: this.secret };
    return { ...common, AUTH_JWKS_URL: (await this.rsaKey()).jwksUrl };
  }

  private async make(header: string, signText: SignText, count: number): Promise<string[]> {
    const iat = Math.floor(Date.now() / 1_000);
    const tokens: string[] = new Array<string>(count);
    for (let from = 0; from < count; from += PARALLEL) {
      const some = Array.from({ length: Math.min(PARALLEL, count - from) }, async (_, i) => {
        const text = `${header}.${base64url({ sub: String(FIRST_USER + from + i), iat, exp: iat + LIFETIME_S })}`;
        tokens[from + i] = `${text}.${await signText(text)}`;
      });
      await Promise.all(some);
    }
    return tokens;
  }

  private hmac(): SignText {
    return (text) => createHmac('sha256', this.secret).update(text).digest('base64url');
  }

  private async rsaSign(): Promise<SignText> {
    const { key } = await this.rsaKey();
    return (text) =>
      new Promise((resolve, reject) =>
        sign('RSA-SHA256', Buffer.from(text), key, (error, signature) =>
          error === null ? resolve(signature.toString('base64url')) : reject(error),
        ),
      );
  }

  /** A key pair, and a server on loopback that publishes its public half. */
  private async rsaKey(): Promise<{ readonly key: KeyObject; readonly jwksUrl: string }> {
    if (this.rsa !== undefined) return this.rsa;
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: RSA_BITS });
    const set = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'RS256', use: 'sig' }] };
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(set));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.defer(() => server.close());
    const { port } = server.address() as AddressInfo;
    this.rsa = { key: privateKey, jwksUrl: `http://127.0.0.1:${port}/jwks.json` };
    return this.rsa;
  }
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
