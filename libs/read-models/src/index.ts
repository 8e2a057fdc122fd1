export type { ActivityCounts, ActivityTerms } from './activity.read-model';
export type { ReadModelComponent } from './component';
export { createReadModels } from './read-models';
export type { CacheSettings, ReadModels, ReadModelsOptions, ReadModelStats, Reads } from './read-models';
export { activityRecordOf, templateRecordOf, userCouponRecordOf } from './records';
export type { ActivityRecord, TemplateRecord, UserCouponRecord } from './records';
export { sharedCaches } from './shared-caches';
export type { TemplateCounts, TemplateTerms } from './template.read-model';
export type { UserCoupons } from './user-coupons.read-model';
