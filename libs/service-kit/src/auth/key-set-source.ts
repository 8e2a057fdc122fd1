import { createRemoteJWKSet, customFetch } from 'jose';
import type { FetchImplementation, JWK } from 'jose';
import type { Clock } from '../clock';
import { keysUnavailable } from './auth-refusal';
import type { KeyFetches, KeySource } from './key-source';
import { SignatureThread } from './signature-thread';
import { TokenVerifier } from './token-verifier';
import type { ClaimChecks } from './token-verifier';
import { publicKey } from './verification-keys';
import type { VerificationKey } from './verification-keys';

/** Milliseconds. A key that has left the set is refused at most `maxAgeMs` and one fetch later, while the key server answers. */
export interface KeySetTimes {
  /** Age from which the set is fetched again beside the requests. */
  readonly refreshAfterMs: number;
  /** Age from which requests wait for the fetch. */
  readonly maxAgeMs: number;
  /** Age up to which the set is used while the key server fails. */
  readonly maxStaleMs: number;
  /** Between two fetches for keys that the set does not have: tokens with invented key ids must not become requests. */
  readonly unknownKeyCooldownMs: number;
  /** Between two fetches after a failure. */
  readonly retryMs: number;
  readonly timeoutMs: number;
}

export const KEY_SET_TIMES: KeySetTimes = {
  refreshAfterMs: 240_000,
  maxAgeMs: 300_000,
  maxStaleMs: 3_600_000,
  unknownKeyCooldownMs: 10_000,
  retryMs: 1_000,
  timeoutMs: 3_000,
};

const MAX_KEY_SET_BYTES = 1024 * 1024;

export interface KeySetDependencies {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly checks: ClaimChecks;
  readonly onFailure: (error: unknown) => void;
  readonly times?: KeySetTimes;
  readonly fetch?: FetchImplementation;
}

/**
 * The keys of a JSON Web Key Set. jose fetches and checks the set; when to fetch is decided here, because jose's own cache has no answer for a
 * key server that fails: a set is used for `maxStaleMs` then, and refused after that.
 */
export class KeySetSource implements KeySource {
  private readonly thread = new SignatureThread();
  private verifier: TokenVerifier | null = null;
  private keys: readonly VerificationKey[] = [];
  private fetchedMs = -Infinity;
  private attemptedMs = -Infinity;
  private failedMs = -Infinity;
  /** Why the last fetch failed; undefined after one that did not. */
  private failure: unknown;
  private fetching: Promise<void> | null = null;
  private readonly counts = { succeeded: 0, failed: 0 };
  private readonly times: KeySetTimes;
  private readonly remote: ReturnType<typeof createRemoteJWKSet>;

  constructor(
    url: string,
    private readonly deps: KeySetDependencies,
  ) {
    this.times = deps.times ?? KEY_SET_TIMES;
    const plainFetch: FetchImplementation = deps.fetch ?? ((target, options) => fetch(target, options));
    this.remote = createRemoteJWKSet(new URL(url), {
      timeoutDuration: this.times.timeoutMs,
      [customFetch]: async (target, options) => bounded(await plainFetch(target, options)),
    });
  }

  get fetches(): KeyFetches {
    return { ...this.counts };
  }

  current(nowMs: number): TokenVerifier | null {
    const age = nowMs - this.fetchedMs;
    if (this.verifier === null || age < this.times.refreshAfterMs) return this.verifier;
    if (age >= this.times.maxAgeMs && !this.mayBeStale(nowMs)) return null;
    if (this.fetching === null && nowMs - this.attemptedMs >= this.times.retryMs) void this.fetch(nowMs);
    return this.verifier;
  }

  async ready(): Promise<TokenVerifier> {
    const now = this.deps.clock.nowMs();
    const current = this.current(now);
    if (current !== null) return current;
    await this.fetchUnlessWithin(this.times.retryMs, now);
    const fetched = this.current(this.deps.clock.nowMs());
    if (fetched === null) throw keysUnavailable(this.failure);
    return fetched;
  }

  async newerThan(seen: TokenVerifier): Promise<TokenVerifier | null> {
    if (this.verifier === seen) {
      await this.fetchUnlessWithin(this.times.unknownKeyCooldownMs, this.deps.clock.nowMs());
    }
    if (this.verifier !== seen) return this.verifier;
    // Whether the token's key exists is not known: that is not the caller's fault.
    if (this.failure !== undefined) throw keysUnavailable(this.failure);
    return null;
  }

  /** An old set stands in only for one that was just tried and failed. */
  private mayBeStale(nowMs: number): boolean {
    const { maxAgeMs, maxStaleMs } = this.times;
    return nowMs - this.fetchedMs < maxStaleMs && this.failure !== undefined && nowMs - this.failedMs < maxAgeMs;
  }

  private async fetchUnlessWithin(pauseMs: number, nowMs: number): Promise<void> {
    if (this.fetching !== null) await this.fetching;
    else if (nowMs - this.attemptedMs >= pauseMs) await this.fetch(nowMs);
  }

  /** Never rejects: a failure is remembered and reported. */
  private fetch(nowMs: number): Promise<void> {
    this.attemptedMs = nowMs;
    this.fetching = this.remote
      .reload()
      .then(
        () => {
          // Counted from before the request: what it brought was true then at the earliest.
          this.accept(this.remote.jwks()?.keys ?? []);
          this.fetchedMs = nowMs;
          this.failure = undefined;
          this.counts.succeeded += 1;
        },
        (error: unknown) => {
          this.failedMs = this.deps.clock.nowMs();
          this.failure = error ?? new Error('the fetch failed');
          this.counts.failed += 1;
          this.deps.onFailure(error);
        },
      )
      .finally(() => {
        this.fetching = null;
      });
    return this.fetching;
  }

  /** Keys that stayed keep their object, and with it the tokens they have verified; the others are retired. */
  private accept(jwks: readonly JWK[]): void {
    const before = new Map(this.keys.map((key) => [JSON.stringify(key.jwk), key]));
    const keys = jwks.map((jwk) => before.get(JSON.stringify(jwk)) ?? publicKey(jwk)).filter((key) => key !== null);
    const same = keys.length === this.keys.length && keys.every((key) => this.keys.includes(key));
    if (this.verifier !== null && same) return;
    for (const key of this.keys) key.retired = !keys.includes(key);
    this.keys = keys;
    this.verifier = new TokenVerifier(keys, this.deps.checks, this.thread);
  }
}

/** The answer of the key server with an end: it is outside of this process and held in memory. */
async function bounded(response: Response): Promise<Response> {
  if (response.body === null) return response;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_KEY_SET_BYTES) throw new Error('the key set is too large');
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), { status: response.status, headers: response.headers });
}
