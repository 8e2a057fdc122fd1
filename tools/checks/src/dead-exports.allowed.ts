/** Alias -> exported values that nobody imports yet, and why they stay. An entry that has become superfluous is a problem, too. */
export const ALLOWED_DEAD_EXPORTS: Readonly<
  Record<string, { readonly reason: string; readonly names: readonly string[] }>
> = {
  '@coupon/cache': {
    reason: 'an error to tell apart, L2 for tests without Redis, and how a codec written by hand freezes',
    names: ['CacheLoaderContractError', 'MemorySharedTier', 'deepFreeze'],
  },
  '@coupon/contracts': {
    reason:
      'the schemas are the readable form of what the parsers decide, for tools and documentation; names of events belong together',
    names: ['ORDER_CANCELLED', 'ORDER_PAID', 'ORDER_REFUNDED', 'claimEventSchemas', 'orderEventSchema'],
  },
  '@coupon/discount': {
    reason: 'refunds of parts of an order; the checkout refunds whole orders so far',
    names: ['refundOf'],
  },
  '@coupon/flow-control': {
    reason: 'flow control is complete as a library; the gateway takes up what its configuration offers',
    names: [
      'FixedWindowRule',
      'KeyedLimiter',
      'LEASE_PENDING',
      'LeasedLimiter',
      'LeasedLimiters',
      'LocalLimiter',
      'RedisLimiter',
      'SHARED_FIXED_WINDOW',
      'SHARED_SLIDING_WINDOW',
      'SHARED_TOKEN_BUCKET',
      'SlidingWindowRule',
      'TokenBucketRule',
      'toDecision',
    ],
  },
  '@coupon/saga': {
    reason: 'what a caller may want to tell apart; the driver of saga-participant does the same for all of them',
    names: ['BranchCallError', 'InvalidSagaError', 'SagaOutcomeUnknownError'],
  },
  '@coupon/service-kit': {
    reason: 'for use cases whose role depends on the request; routes ask for theirs in authenticateHttp',
    names: ['requireRole'],
  },
  '@coupon/testing': {
    reason:
      'doubles for ports and a server without a database around it; specs so far break real connections instead (TcpProxy)',
    names: ['testServer', 'delay', 'dropReply'],
  },
};
