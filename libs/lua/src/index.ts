export { ActivityStore } from './activity-store';
export type {
  ActivityRecord,
  ActivitySnapshot,
  AddStockResult,
  AdoptRunResult,
  PrewarmActivity,
  PrewarmResult,
  PurchasedClaim,
  RestoreResult,
  SetStateResult,
  SettleResult,
} from './activity-types';
export { meansNothingHappened } from './ambiguity';
export { createClaimRedis, readRunId } from './claim-redis';
export type { ClaimRedisOptions } from './claim-redis';
export { MAX_CLAIMS_PER_BATCH, claimKeys, claimUnits } from './claim-units';
export type { BatchedClaim, ClaimBatchReply, ClaimOutcome, RefusalReason } from './claim-units';
export { PIPELINE_KEY, activityKeys } from './keys';
export type { ActivityKeys } from './keys';
export { OutboxStream, markPersisted } from './outbox-stream';
export type { OutboxEntry, PersistedEvent } from './outbox-stream';
export { decodeReceipts } from './receipts';
export type { StoredReceipt } from './receipts';
export type { RestoredClaim } from './restored-claim';
export { HalfLoadedError, UnexpectedReplyError } from './reply-codes';
export { loadScripts } from './run-script';
export type { ClaimRedis, ScriptName } from './run-script';
export { TicketQueue } from './ticket-queue';
export type { DecideResult, EnqueueResult, StoredTicket, TicketEntry, TicketState } from './ticket-queue';
