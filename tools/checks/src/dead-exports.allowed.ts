/** Alias -> exported values that nobody imports yet, and why they stay. An entry that has become superfluous is a problem, too. */
export const ALLOWED_DEAD_EXPORTS: Readonly<
  Record<string, { readonly reason: string; readonly names: readonly string[] }>
> = {
  '@coupon/contracts': {
    reason: 'the schemas are the readable form of what parseEvent decides, for tools and documentation',
    names: ['claimEventSchemas'],
  },
  '@coupon/discount': {
    reason: 'refunds are for the saga',
    names: ['allocationOf', 'refundOf'],
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
    reason:
      'complete as a library and held by its conformance suite; the checkout saga of saga-participant takes it up',
    names: ['DtmUnavailableError', 'InvalidSagaError', 'NOT_READY', 'SagaOutcomeUnknownError', 'isFinal', 'refused'],
  },
  '@coupon/service-kit': {
    reason: 'for use cases whose role depends on the request; routes ask for theirs in authenticateHttp',
    names: ['requireRole'],
  },
  '@coupon/testing': {
    reason:
      'doubles for ports and a server without a database around it; specs so far break real connections instead (TcpProxy)',
    names: ['testServer', 'alwaysThrow', 'delay', 'dropReply'],
  },
};
