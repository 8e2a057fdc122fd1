/** One step. `compensate` undoes it; a step without one is not undone. */
export interface SagaStep<Payload> {
  readonly action: string;
  readonly compensate?: string;
  /** The same for action and compensation; 64 KiB at most as sent. */
  readonly payload: Payload;
}

/** Times in whole seconds, as DTM has them. */
export interface SagaOptions {
  /** The submit answers after the first pass over the steps, six seconds at most. Saves polling, decides nothing. @default false */
  readonly waitResult?: boolean;
  /** First retry of a step after this and a doubling each; also the lease of a pass: below 7 a second pass may overlap the first. @default the server's (10) */
  readonly retryIntervalS?: number;
  /** A running saga is rolled back after this, at the earliest; every step needs a compensation then. @default never */
  readonly timeoutToFailS?: number;
  /** For one call of a branch. @default the server's (3) */
  readonly requestTimeoutS?: number;
  /** Headers, or metadata, of every call of a branch. */
  readonly branchHeaders?: Readonly<Record<string, string>>;
  /** Steps run side by side; `orders` maps a step (from 0) to those that must be done before it. Every step needs a compensation. */
  readonly concurrent?: { readonly orders?: Readonly<Record<number, readonly number[]>> };
  /** Further fields of the saga's custom_data; DTM stores them and reads none. */
  readonly customData?: Readonly<Record<string, unknown>>;
}

/** A saga as it is submitted. The gid is a business key: the same business fact, the same gid, whoever submits it. */
export interface Saga<Payload> {
  readonly gid: string;
  readonly steps: readonly SagaStep<Payload>[];
  readonly options?: SagaOptions;
}

/**
 * What DTM knows about a saga. `running`: steps are being done, `rolling-back`: being undone; both end some time. `prepared`: stored and not
 * started. `unknown`: never stored, or finished so long ago that DTM has forgotten it (a day to a week).
 */
export type SagaState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'prepared' }
  | { readonly kind: 'running' }
  | { readonly kind: 'rolling-back'; readonly reason: string }
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'failed'; readonly reason: string };

export type KnownSagaState = Exclude<SagaState, { readonly kind: 'unknown' }>;
/** Succeeded, or failed and everything undone. */
export type FinalSagaState = Extract<SagaState, { readonly kind: 'succeeded' | 'failed' }>;

export function isFinal(state: SagaState): state is FinalSagaState {
  return state.kind === 'succeeded' || state.kind === 'failed';
}
