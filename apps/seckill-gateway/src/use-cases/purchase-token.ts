import { HmacSha256 } from '@coupon/service-kit';
import type { ActivityId, UserId } from '@coupon/domain';
import type { ClaimCommand } from './claim-answer';

export interface PurchaseTokenOptions {
  /** At least 32 bytes, the same in every gateway. */
  readonly key: string;
  /** The key before this one: accepted, never used for new tokens. */
  readonly previousKey?: string | undefined;
  readonly ttlMs: number;
}

export interface PurchaseToken {
  readonly token: string;
  readonly expiresMs: number;
}

/** Version, expiry in seconds since the epoch (base 36), HMAC-SHA256. */
const TOKEN = /^1\.([0-9a-z]{1,8})\.([\w-]{43})$/;

/**
 * The hidden path of an activity: a token that says that this user asked for this activity a moment ago. It names neither; it is good for them
 * alone, because both are under the HMAC. It may be used any number of times until it expires: what a user gets is limited elsewhere.
 */
export class PurchaseTokens {
  private readonly key: HmacSha256;
  private readonly previousKey: HmacSha256 | null;
  private readonly ttlMs: number;

  constructor({ key, previousKey, ttlMs }: PurchaseTokenOptions) {
    this.key = new HmacSha256(Buffer.from(key));
    this.previousKey = previousKey === undefined ? null : new HmacSha256(Buffer.from(previousKey));
    this.ttlMs = ttlMs;
  }

  /** Lifetimes are whole seconds, never longer than asked for. */
  mint(activityId: ActivityId, userId: UserId, nowMs: number): PurchaseToken {
    const expiresS = Math.floor((nowMs + this.ttlMs) / 1_000);
    const expiry = expiresS.toString(36);
    return {
      token: `1.${expiry}.${this.key.sign(signedText(activityId, userId, expiry))}`,
      expiresMs: expiresS * 1_000,
    };
  }

  verify(token: string, activityId: ActivityId, userId: UserId, nowMs: number): boolean {
    const [, expiry, mac] = TOKEN.exec(token) ?? [];
    if (expiry === undefined || mac === undefined || nowMs >= Number.parseInt(expiry, 36) * 1_000) return false;
    const text = signedText(activityId, userId, expiry);
    return this.key.verify(text, mac) || (this.previousKey?.verify(text, mac) ?? false);
  }
}

/**
 * Whether a claim came with a token that is good for it. Whether its activity asks for one, the claim script knows: this travels with the claim,
 * so that nobody has to ask first.
 */
export function hasGoodToken(
  tokens: Pick<PurchaseTokens, 'verify'> | null,
  { activityId, userId, purchaseToken }: Pick<ClaimCommand, 'activityId' | 'userId' | 'purchaseToken'>,
  nowMs: number,
): boolean {
  return purchaseToken !== undefined && tokens !== null && tokens.verify(purchaseToken, activityId, userId, nowMs);
}

/** Ids are digits and the expiry has no dots: two different triples never give one text. */
function signedText(activityId: ActivityId, userId: UserId, expiry: string): string {
  return `purchase-token.1.${activityId}.${userId}.${expiry}`;
}
