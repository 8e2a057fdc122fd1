/** A saga that DTM would accept and run wrongly, or break on; `field` names what is wrong. Nothing was sent. */
export class InvalidSagaError extends Error {
  static readonly code = 'INVALID_SAGA';
  override readonly name = 'InvalidSagaError';
  readonly code = InvalidSagaError.code;

  constructor(
    readonly field: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${field}: ${message}`, options);
  }
}

/** DTM does not answer, or answers nonsense. Nothing was sent that could have started a saga. */
export class DtmUnavailableError extends Error {
  static readonly code = 'DTM_UNAVAILABLE';
  override readonly name = 'DtmUnavailableError';
  readonly code = DtmUnavailableError.code;
}

/**
 * A submit was sent and nobody knows what became of it: steps may have run, the saga may or may not be stored. Submitting the same gid again
 * later finds out and goes on; it is the only thing that may be done about it.
 */
export class SagaOutcomeUnknownError extends Error {
  static readonly code = 'SAGA_OUTCOME_UNKNOWN';
  override readonly name = 'SagaOutcomeUnknownError';
  readonly code = SagaOutcomeUnknownError.code;

  constructor(
    readonly gid: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`saga ${gid}: ${message}`, options);
  }
}

/** A branch that was called directly has not answered with success: what it was to do may be done or not, and may be asked for again. */
export class BranchCallError extends Error {
  static readonly code = 'BRANCH_CALL_FAILED';
  override readonly name = 'BranchCallError';
  readonly code = BranchCallError.code;

  constructor(
    readonly gid: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`saga ${gid}: ${message}`, options);
  }
}
