import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';

/** Header, or metadata, that DTM sends with every call of a branch. */
export const BRANCH_SECRET_HEADER = 'x-branch-secret';

/** True when no secret is configured, or the caller knows it. */
export function knowsBranchSecret(secret: string | undefined, given: unknown): boolean {
  if (secret === undefined) return true;
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(secret));
}

/**
 * Other callers hear "not ready". DTM keeps the secret with each saga, so after a change of it sagas under way come with the old one: a refusal
 * would roll them back, paid ones too, by compensations that would be refused for ever. So they wait until the two agree again.
 */
export function requireBranchSecret(secret: string | undefined): RequestHandler {
  return (request, response, next) => {
    if (knowsBranchSecret(secret, request.headers[BRANCH_SECRET_HEADER])) next();
    else response.status(425).json({ dtm_result: 'ONGOING' });
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
