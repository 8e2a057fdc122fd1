/** Every number with a meaning that a script answers; the only place where they have names. */
export const REPLY = {
  WON: 1,
  NOT_LOADED: -1,
  HALF_LOADED: -2,
  WRONG_RUN: -3,
  INVALID_ARGUMENTS: -4,
  DIFFERENT: -5,
  REFUSED_BY_STATE: -6,
  WRONG_EPOCH: -7,
  EXCEEDS_TOTAL: -8,
  NO_SUCH_CLAIM: -9,
  NOT_STARTED: -10,
  ENDED: -11,
  PAUSED: -12,
  CLOSED: -13,
  NOTHING_TO_RESTORE: -14,
  OUTBOX_NOT_EMPTY: -15,
  OTHER_SEQUENCE: -16,
  RATE_LIMITED: -20,
  LIMIT_REACHED: -21,
  SOLD_OUT: -22,
  OTHER_QUANTITY: -23,
  CLAIM_RELEASED: -24,
  NO_PURCHASE_TOKEN: -25,
  QUEUE_FULL: -30,
} as const;

/** A script answered something its header does not name: a version mismatch or a bug, never to be guessed around. */
export class UnexpectedReplyError extends Error {
  constructor(
    readonly script: string,
    readonly reply: unknown,
  ) {
    super(`unexpected reply of ${script}: ${JSON.stringify(reply)}`);
    this.name = 'UnexpectedReplyError';
  }
}

/** An activity is there in part only: it must be refused, never read as empty or endless (invariant 9). */
export class HalfLoadedError extends Error {
  constructor(readonly activityId: string) {
    super(`activity ${activityId} is only partly loaded in Redis`);
    this.name = 'HalfLoadedError';
  }
}
