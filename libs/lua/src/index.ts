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
export { advanceEpoch } from './advance-epoch';
export type { AdvanceEpochResult } from './advance-epoch';
export { archiveActivity, registerActivity, unregisterActivity } from './archive-activity';
export type { ArchiveResult } from './archive-activity';
export { meansNothingHappened } from './ambiguity';
export {
  beginCacheFill,
  invalidateCacheKey,
  readCacheEntries,
  releaseCacheLease,
  storeCacheValue,
} from './cache-entries';
export type { BeginFill, BeginFillReply, CacheEntry, InvalidateKey, StoreValue } from './cache-entries';
export { createClaimRedis, readRunId } from './claim-redis';
export { RedisConnection } from './redis-connection';
export type { ClaimRedisOptions } from './claim-redis';
export { MAX_CLAIMS_PER_BATCH, claimKeys, claimUnits } from './claim-units';
export type { BatchedClaim, ClaimBatchReply, ClaimOutcome, RefusalReason } from './claim-units';
export { leaseTokens, takeFixedWindow, takeSlidingWindow, takeTokenBucket } from './flow-limits';
export type { LeaseCall, LeaseReply, SharedTake } from './flow-limits';
export { acquireLock, releaseLock } from './distributed-lock';
export type { LockReply } from './distributed-lock';
export { FlowSettingsStore } from './flow-settings-store';
export type { StoredFlowSettings, WriteFlowSettingsResult } from './flow-settings-store';
export { PIPELINE_KEY, activityKeys, assertCacheName } from './keys';
export type { ActivityKeys } from './keys';
export { pipelineNowMs } from './pipeline-clock';
export { OutboxStream, markPersisted } from './outbox-stream';
export type { OutboxEntry, PersistedEvent } from './outbox-stream';
export { decodeReceipts } from './receipts';
export type { StoredReceipt } from './receipts';
export type { RestoredClaim } from './restored-claim';
export { countRefusals } from './count-refusals';
export { passReplicationBarrier } from './replication-barrier';
export { HalfLoadedError, UnexpectedReplyError } from './reply-codes';
export { loadScripts } from './run-script';
export type { ClaimRedis, ScriptName } from './run-script';
export { readSaleState, readWinners } from './sale-state';
export type { SaleState, SaleWindow } from './sale-state';
export { TicketQueue } from './ticket-queue';
export type { DecideResult, EnqueueResult, StoredTicket, TicketEntry, TicketState } from './ticket-queue';
