export { AdmissionPolicy } from './admission/admission-policy';
export type { AdmissionSettings, QueueRefusal } from './admission/admission-policy';
export { BatchBreaker, isCircuitOpen } from './breaker/batch-breaker';
export type { BatchBreakerDependencies, BatchBreakerOptions, BreakerState } from './breaker/batch-breaker';
export { eventLoopDelay } from './degradation/event-loop-delay';
export type { EventLoopDelaySource } from './degradation/event-loop-delay';
export { LoadSensor } from './degradation/load-sensor';
export type { LoadSensorDependencies, LoadSensorOptions } from './degradation/load-sensor';
export { ClaimLimits } from './limits/claim-limits';
export type { ClaimLimitsDependencies, ClaimLimitsOptions } from './limits/claim-limits';
export { toDecision } from './limits/decision';
export type { LimitDecision, LimitName } from './limits/decision';
export { FixedWindowRule } from './limits/fixed-window';
export { KeyedLimiter } from './limits/keyed-limiter';
export { LEASE_PENDING, LeasedLimiter } from './limits/leased-limiter';
export type { LeasedLimiterDependencies, LeasedLimiterOptions } from './limits/leased-limiter';
export { LeasedLimiters } from './limits/leased-limiters';
export type { LeasedLimitersDependencies } from './limits/leased-limiters';
export type { LimitRule, MonotonicClock } from './limits/limit-rule';
export { LocalLimiter } from './limits/local-limiter';
export type { Taker } from './limits/local-limiter';
export { RedisLimiter, SHARED_FIXED_WINDOW, SHARED_SLIDING_WINDOW, SHARED_TOKEN_BUCKET } from './limits/redis-limiter';
export type { SharedLimitKind } from './limits/redis-limiter';
export { SlidingWindowRule } from './limits/sliding-window';
export type { WindowSettings } from './limits/sliding-window';
export { TokenBucketRule } from './limits/token-bucket';
export type { TokenBucketSettings } from './limits/token-bucket';
export {
  DEFAULT_FLOW_SETTINGS,
  changeStoredFlowSettings,
  decodeFlowSettings,
  encodeFlowSettings,
  flowSettingsChangeShape,
  patchFlowSettings,
} from './settings/flow-settings';
export type { FlowSettings, FlowSettingsChange, FlowSettingsPatch } from './settings/flow-settings';
export { FlowSettingsWatcher } from './settings/flow-settings-watcher';
export type { FlowSettingsWatcherDependencies } from './settings/flow-settings-watcher';
export { coarseJobs } from './sold-out/coarse-jobs';
export { SoldOutFilter } from './sold-out/sold-out-filter';
export type { FilteredReason, SoldOutFilterDependencies, SoldOutFilterOptions } from './sold-out/sold-out-filter';
