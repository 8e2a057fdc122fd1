export { registerCacheBusMetrics, registerL2DropperMetrics } from './bus-metrics';
export { CacheBus } from './cache-bus';
export type { CacheBusOptions, CacheBusStats, ListeningCache } from './cache-bus';
export { L2Dropper } from './l2-dropper';
export type { L2DropperOptions, L2DropperStats, SharedCache } from './l2-dropper';
export { columnOf } from './table-keys';
export type { TableKeys } from './table-keys';
