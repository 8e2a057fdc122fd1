import type {
  ActivityId,
  ActivityStatus,
  ClaimId,
  TemplateId,
  TemplateStatus,
  TemplateType,
  UserId,
} from '@coupon/domain';
import type { ActivityStore, FlowSettingsStore } from '@coupon/lua';
import type { ConservationReport } from '@coupon/persistence';
import type { Page } from '@coupon/service-kit';
import type {
  Activity,
  ActivityFields,
  AuditEntry,
  AuditRecord,
  CouponTransition,
  Json,
  JsonObject,
  NewOperation,
  NewUserCoupon,
  Operation,
  OperationKind,
  Template,
  TemplateFields,
  UserCoupon,
} from './model';

export interface TemplateRepository {
  insert(fields: TemplateFields, status: TemplateStatus): Promise<Template>;
  get(id: TemplateId): Promise<Template | null>;
  /** The row, held until the end of the transaction. */
  lock(id: TemplateId): Promise<Template | null>;
  /** Writes and counts the version up. */
  update(id: TemplateId, change: Partial<TemplateFields> & { readonly status?: TemplateStatus }): Promise<Template>;
  /** Takes units out of the template's total; false when they are not there, or the template is not published. */
  allocate(id: TemplateId, units: number): Promise<boolean>;
  giveBack(id: TemplateId, units: number): Promise<void>;
  list(filter: { readonly status?: TemplateStatus; readonly type?: TemplateType }, page: Page): Promise<Template[]>;
}

export interface ActivityChange extends Partial<ActivityFields> {
  readonly status?: ActivityStatus;
  readonly pausedAtMs?: number | null;
  readonly loadedAtMs?: number | null;
}

export interface ActivityRepository {
  insert(couponId: TemplateId, fields: ActivityFields): Promise<Activity>;
  get(id: ActivityId): Promise<Activity | null>;
  lock(id: ActivityId): Promise<Activity | null>;
  update(id: ActivityId, change: ActivityChange): Promise<Activity>;
  list(filter: { readonly status?: ActivityStatus; readonly couponId?: TemplateId }, page: Page): Promise<Activity[]>;
  /** The largest limit per user among the template's activities that have not ended; 0 without any. */
  largestLimit(couponId: TemplateId): Promise<number>;
  /** The template's activities that are in Redis and have not ended, at most `limit`. */
  onSale(couponId: TemplateId, limit: number): Promise<Activity[]>;
  /** Pending, not loaded, template published, starting within the time given and not over. */
  dueToLoad(aheadMs: number, limit: number): Promise<ActivityId[]>;
  /** Pending although their start has come, template published, not over. */
  dueToStart(limit: number): Promise<ActivityId[]>;
  /** Not ended although their end has come. */
  dueToEnd(limit: number): Promise<ActivityId[]>;
  /**
   * Takes drained_at back: another event of the activity has to be stored. Nothing else changes, the version neither. Waits for whoever has
   * the row. @returns false when there was nothing to take back, or the activity is archived.
   */
  watchAgain(id: ActivityId): Promise<boolean>;
}

export interface CouponFilter {
  readonly userId: UserId;
  /** Status as shown: an unused coupon past its validity counts as expired. */
  readonly status?: UserCoupon['status'];
  readonly nowMs: number;
}

export interface CouponRepository {
  /** Coupons that are not void, of one template, per user. */
  countLive(couponId: TemplateId, userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, number>>;
  insertMany(rows: readonly NewUserCoupon[]): Promise<void>;
  lockClaim(claimId: ClaimId): Promise<UserCoupon[]>;
  /** status 5, no slot; only coupons that are unused and held. @throws Error otherwise */
  makeVoid(ids: readonly string[]): Promise<void>;
  /** Undoes makeVoid; false when a slot has been taken meanwhile. */
  restore(rows: readonly { readonly id: string; readonly slot: number | null }[]): Promise<boolean>;
  list(filter: CouponFilter, page: Page): Promise<UserCoupon[]>;
  countByStatus(filter: CouponFilter): Promise<ReadonlyMap<UserCoupon['status'], number>>;
  /** One coupon and what has happened to it, oldest first; null when the user has no such coupon. */
  history(userId: UserId, couponSn: string): Promise<CouponHistory | null>;
  /** The user's coupons among these, as they are now, with their templates. */
  findForDiscount(userId: UserId, which: CouponSelection): Promise<CouponWithTemplate[]>;
}

/** By serial number, by id, or those not used, not void and not past their end, soonest end first, at most `limit`. */
export type CouponSelection =
  | { readonly by: 'sns'; readonly sns: readonly string[] }
  | { readonly by: 'ids'; readonly ids: readonly string[] }
  | { readonly by: 'held'; readonly nowMs: number; readonly limit: number };

export interface CouponHistory {
  readonly coupon: UserCoupon;
  readonly transitions: readonly CouponTransition[];
}

export interface CouponWithTemplate {
  readonly coupon: UserCoupon;
  /** Without what is counted. */
  readonly template: Omit<Template, 'usedCount' | 'allocatedCount' | 'updatedAtMs'>;
}

export interface StoredAnswer {
  readonly requestHash: string;
  readonly answer: JsonObject | null;
}

export interface IdempotencyRepository {
  /** False when the key is there already (a transaction that holds it is waited for). */
  insert(scope: string, key: string, requestHash: string): Promise<boolean>;
  get(scope: string, key: string): Promise<StoredAnswer | null>;
  setAnswer(scope: string, key: string, status: number, answer: JsonObject): Promise<void>;
  /** Removes up to `limit` keys older than that. @returns how many. */
  prune(olderThanMs: number, limit: number): Promise<number>;
}

export interface OperationRepository {
  /** False when another unfinished operation has the active key. */
  insert(operation: NewOperation): Promise<boolean>;
  get(operationId: string): Promise<Operation | null>;
  activeId(activeKey: string): Promise<string | null>;
  /** Takes an unfinished operation for `ttlMs`; null when it is finished or somebody else has it. */
  lease(operationId: string, owner: string, ttlMs: number): Promise<Operation | null>;
  /** Moves on, only from that state and only with the lease. */
  advance(
    operationId: string,
    owner: string,
    step: { readonly from: string; readonly to: string; readonly payload: JsonObject },
  ): Promise<boolean>;
  finish(
    operationId: string,
    owner: string,
    end: { readonly from: string; readonly state: 'done' | 'failed'; readonly result: JsonObject },
  ): Promise<boolean>;
  /** Gives the lease back after an error; nobody takes the operation for `pauseMs`. */
  postpone(operationId: string, owner: string, error: string, pauseMs: number): Promise<void>;
  /** Unfinished and not leased, oldest first. */
  due(limit: number): Promise<string[]>;
  /** Removes up to `limit` operations that ended longer ago than that. @returns how many. */
  prune(olderThanMs: number, limit: number): Promise<number>;
  failedSince(activityId: ActivityId, kind: OperationKind, withinMs: number): Promise<boolean>;
}

export interface AuditRepository {
  append(entry: AuditEntry): Promise<void>;
  list(
    filter: { readonly entity?: string; readonly entityId?: string; readonly actor?: string; readonly action?: string },
    page: Page,
  ): Promise<AuditRecord[]>;
}

/** The tables. Inside `transaction` everything happens together or not at all. */
export interface AdminTables {
  /** The database's clock. */
  nowMs(): Promise<number>;
  readonly templates: TemplateRepository;
  readonly activities: ActivityRepository;
  readonly coupons: CouponRepository;
  readonly operations: OperationRepository;
  readonly idempotency: IdempotencyRepository;
  readonly audit: AuditRepository;
}

export interface AdminDatabase extends AdminTables {
  /**
   * READ COMMITTED; repeated from the start after a deadlock or a lock wait, so `work` must have no effects of its own.
   * @throws AppError NOT_READY when the database cannot be reached, OUTCOME_UNKNOWN when the connection broke during the commit.
   */
  transaction<T>(work: (tables: AdminTables) => Promise<T>): Promise<T>;
}

/** The activity in Redis. */
export type ActivityStorePort = Pick<ActivityStore, 'prewarm' | 'snapshot' | 'setState' | 'addStock' | 'settle'>;

/** The limits that all gateways follow, in Redis. */
export type FlowSettingsPort = Pick<FlowSettingsStore, 'read' | 'write'>;

/** The report of one activity; null when it does not exist. */
export type ReadReconciliation = (id: ActivityId) => Promise<ConservationReport | null>;

export interface Ids {
  operationId(): string;
  /** Serial number for a coupon outside a sale. */
  couponSn(nowMs: number): string;
}

export type { Json };
