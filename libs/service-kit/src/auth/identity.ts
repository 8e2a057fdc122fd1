import { AppError, isIdText } from '@coupon/domain';
import type { UserId } from '@coupon/domain';

export type Role = 'user' | 'operator' | 'admin';

/** Who is calling. */
export interface Identity {
  /** The caller as a buyer; null for a staff member or a service whose subject is no user id. */
  readonly userId: UserId | null;
  readonly role: Role;
  /** The token's subject as it is, for the audit log. */
  readonly subject: string;
  /** True where nobody is authenticated (mode none): may act for any user. */
  readonly anyUser: boolean;
  /** When the token ends, milliseconds since the epoch; for what outlives a request. Absent: does not end. */
  readonly expiresMs?: number;
}

/** The caller of mode none. */
export const ANYBODY: Identity = Object.freeze({ userId: null, role: 'admin', subject: 'anonymous', anyUser: true });

const MAX_SUBJECT_LENGTH = 64;

/** undefined for a caller without a subject, and for one who is no staff and whose subject is no user id. */
export function makeIdentity(subject: string | undefined, roleName: string | undefined): Identity | undefined {
  const role: Role = roleName === 'admin' || roleName === 'operator' ? roleName : 'user';
  if (subject === undefined || subject === '') return undefined;
  const userId = isIdText(subject) ? (subject as UserId) : null;
  if (role === 'user' && userId === null) return undefined;
  return { userId, role, subject: subject.slice(0, MAX_SUBJECT_LENGTH), anyUser: false };
}

const RANK: Record<Role, number> = { user: 0, operator: 1, admin: 2 };

export function hasRole(identity: Identity, role: Role): boolean {
  return RANK[identity.role] >= RANK[role];
}

/** @throws PERMISSION_DENIED below that role (admin > operator > user). */
export function requireRole(identity: Identity, role: Role): void {
  if (!hasRole(identity, role)) throw new AppError('PERMISSION_DENIED', `needs the role ${role}`);
}

/** A purchase is made by the buyer, not by staff in the buyer's name. @throws PERMISSION_DENIED */
export function requireActsFor(identity: Identity, userId: UserId): void {
  if (!identity.anyUser && identity.userId !== userId) {
    throw new AppError('PERMISSION_DENIED', 'user_id is not the caller', { details: { field: 'user_id' } });
  }
}

/** A user reads only what is theirs; staff reads everything. @throws PERMISSION_DENIED */
export function requireMayRead(identity: Identity, userId: UserId): void {
  if (!identity.anyUser && identity.userId !== userId && !hasRole(identity, 'operator')) {
    throw new AppError('PERMISSION_DENIED', 'belongs to another user');
  }
}
