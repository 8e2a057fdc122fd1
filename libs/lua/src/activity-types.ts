import type { ActivityId, ActivityState, ClaimId, TemplateId } from '@coupon/domain';

/** Definition of an activity as it is loaded. Times in epoch milliseconds. */
export interface PrewarmActivity {
  readonly activityId: ActivityId;
  readonly templateId: TemplateId;
  readonly startMs: number;
  readonly endMs: number;
  readonly perUserLimit: number;
  readonly total: number;
  readonly epoch: number;
  /** Claims per user and second; 0 = no limit. */
  readonly userRatePerSecond: number;
  /** Claims need a purchase token (field `guard`). @default false */
  readonly hiddenPath?: boolean;
}

export interface ActivityRecord extends PrewarmActivity {
  readonly state: ActivityState;
  /** Redis run the activity was opened on; gateways refuse on any other. */
  readonly runId: string;
  readonly claimed: number;
  readonly available: number;
  readonly eventSeq: number;
  readonly stockVersion: number;
  /** Redis time of the last event, 0 before the first. */
  readonly lastEventMs: number;
}

export interface ActivitySnapshot extends ActivityRecord {
  /** Events marked as committed in MySQL. */
  readonly persistedEvents: number;
  /** Units of those events, releases taken off. */
  readonly persistedUnits: number;
  readonly nowMs: number;
}

export type PrewarmResult =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'identical'; readonly record: ActivityRecord }
  | { readonly kind: 'conflict'; readonly fields: readonly string[] };

export type NotApplicable = { readonly kind: 'not_loaded' } | { readonly kind: 'wrong_epoch'; readonly epoch: number };

export type SetStateResult =
  | NotApplicable
  | { readonly kind: 'changed' | 'unchanged'; readonly from: ActivityState }
  | { readonly kind: 'refused'; readonly state: ActivityState };

export type AddStockResult =
  NotApplicable | { readonly kind: 'added' | 'already'; readonly total: number; readonly available: number };

export type SettleResult =
  | NotApplicable
  | { readonly kind: 'released'; readonly eventSeq: number }
  | { readonly kind: 'confirmed' | 'already' | 'tombstoned' | 'exceeds_total' | 'no_such_claim' | 'wrong_run' }
  | { readonly kind: 'refused'; readonly state: 'CONFIRMED' | 'RELEASED' };

export type AdoptRunResult =
  NotApplicable | { readonly kind: 'adopted' | 'already' } | { readonly kind: 'other_run'; readonly runId: string };

export type RestoreResult =
  | { readonly kind: 'restored' | 'already' | 'exceeds_total' | 'nothing_to_restore' | 'incomplete' }
  | { readonly kind: 'outbox_not_empty'; readonly length: number }
  | { readonly kind: 'wrong_epoch'; readonly epoch: number };

export interface PurchasedClaim {
  readonly claimId: ClaimId;
  readonly couponSns: readonly string[];
  readonly persisted: boolean;
  readonly released: boolean;
}
