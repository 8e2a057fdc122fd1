import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';

/** Header, or metadata, that DTM sends with every call of a branch. */
export const BRANCH_SECRET_HEADER = 'x-branch-secret';

/** True when no secret is configured, or the caller knows it. */
export function knowsBranchSecret(secret: string | undefined, given: unknown): boolean {
  if (secret === undefined) return true;
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(secret));
}

/** Refuses other callers with 409, which DTM takes as the end of the matter: everything else it would repeat for ever. */
export function requireBranchSecret(secret: string | undefined): RequestHandler {
  return (request, response, next) => {
    if (knowsBranchSecret(secret, request.headers[BRANCH_SECRET_HEADER])) next();
    else response.status(409).json({ dtm_result: 'FAILURE', code: 'INVALID_BRANCH' });
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
