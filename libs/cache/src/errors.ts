/** The loader did not answer in time. What it answers later is thrown away. */
export class CacheLoadTimeoutError extends Error {
  static readonly code = 'CACHE_LOAD_TIMEOUT';
  readonly code = CacheLoadTimeoutError.code;
  constructor(
    readonly cacheName: string,
    readonly timeoutMs: number,
  ) {
    super(`the loader of cache ${cacheName} has not answered within ${timeoutMs} ms`);
    this.name = 'CacheLoadTimeoutError';
  }
}

/** The loader answered something that is neither values nor null, one per key. */
export class CacheLoaderContractError extends Error {
  static readonly code = 'CACHE_LOADER_CONTRACT';
  readonly code = CacheLoaderContractError.code;
  constructor(
    readonly cacheName: string,
    problem: string,
  ) {
    super(`the loader of cache ${cacheName} ${problem}`);
    this.name = 'CacheLoaderContractError';
  }
}

/** The connection to L2 was lost while an answer was under way. */
export class SharedTierLostError extends Error {
  static readonly code = 'CACHE_L2_LOST';
  readonly code = SharedTierLostError.code;
  constructor(readonly cacheName: string) {
    super(`the connection of cache ${cacheName} was lost`);
    this.name = 'SharedTierLostError';
  }
}
