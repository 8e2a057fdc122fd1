/** flash_sale_activities.status */
export const ACTIVITY_STATUS = { pending: 1, running: 2, ended: 3 } as const;
export type ActivityStatus = (typeof ACTIVITY_STATUS)[keyof typeof ACTIVITY_STATUS];
export type ActivityStatusName = 'pending' | 'running' | 'paused' | 'ended';

/** `state` of the activity hash in Redis: loaded (create-only, not admitting), open, paused, ended. */
export const ACTIVITY_STATES = ['closed', 'open', 'paused', 'ended'] as const;
export type ActivityState = (typeof ACTIVITY_STATES)[number];

/** The most units one user may be allowed; a coupon's serial number has three digits for its place in the claim. */
export const MAX_PER_USER_LIMIT = 999;

/**
 * The name shown for a stored status. The clock only ever moves it forward (an activity past its end is ended before the scheduler has
 * written so); a pause is a running activity with `paused_at`.
 */
export function activityStatusName(
  stored: { status: ActivityStatus; pausedAtMs: number | null; endMs: number },
  nowMs: number,
): ActivityStatusName {
  if (stored.status === ACTIVITY_STATUS.ended || nowMs >= stored.endMs) return 'ended';
  if (stored.status === ACTIVITY_STATUS.pending) return 'pending';
  return stored.pausedAtMs === null ? 'running' : 'paused';
}

/** Which hand-made move an activity's status allows; `start` opens, `end` is final. */
export type ActivityCommand = 'start' | 'pause' | 'resume' | 'end';

const ALLOWED: Record<ActivityCommand, readonly ActivityStatusName[]> = {
  start: ['pending'],
  pause: ['running'],
  resume: ['paused'],
  end: ['pending', 'running', 'paused'],
};

export function activityAllows(command: ActivityCommand, status: ActivityStatusName): boolean {
  return ALLOWED[command].includes(status);
}
