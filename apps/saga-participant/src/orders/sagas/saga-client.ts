import { DtmClient } from '@coupon/saga';
import type { KnownSagaState, Saga } from '@coupon/saga';
import type { BranchAddress } from '../../branches/branch';
import { BRANCH_SECRET_HEADER } from '../../branches/branch-secret';
import type { SagaConfig } from '../../config';
import { buildSteps } from './build-saga';
import type { SagaRun } from './saga-run';

/** Submits runs to DTM over the configured transport. */
export interface SagaClient {
  /**
   * @param isNew the gid was never submitted, by anybody
   * @throws as `DtmClient.submit`
   */
  submit(run: SagaRun, isNew: boolean): Promise<KnownSagaState>;
  /**
   * Of a run that has failed: undoes what still stands and bars what is still to come.
   * @throws as `DtmClient.seal`
   */
  seal(run: SagaRun): Promise<void>;
  /** Rejects when DTM does not answer. */
  check(): Promise<void>;
  close(): void;
}

/** A gid that no order can have. */
const NOBODY = 'health-check';

export function createSagaClient(
  config: Pick<SagaConfig, 'dtm' | 'branches' | 'sagas'>,
  branchAddress: () => BranchAddress,
): SagaClient {
  const { retryIntervalS } = config.sagas;
  const { secret } = config.branches;
  const options = {
    // The usual saga is over when the submit returns.
    waitResult: true,
    ...(retryIntervalS === undefined ? {} : { retryIntervalS }),
    ...(secret === undefined ? {} : { branchHeaders: { [BRANCH_SECRET_HEADER]: secret } }),
  };
  const client = connect(config);
  const sagaOf = (run: SagaRun): Saga<unknown> => ({
    gid: run.gid,
    steps: buildSteps(run, branchAddress()),
    options,
  });
  return {
    submit: (run, isNew) => client.submit(sagaOf(run), { isNew }),
    seal: (run) => client.seal(sagaOf(run)),
    check: async () => void (await client.query(NOBODY)),
    close: () => client.close(),
  };
}

interface Connection {
  submit(saga: Saga<unknown>, options: { isNew: boolean }): Promise<KnownSagaState>;
  seal(saga: Saga<unknown>): Promise<void>;
  query(gid: string): Promise<unknown>;
  close(): void;
}

function connect({ dtm, branches, sagas }: Pick<SagaConfig, 'dtm' | 'branches' | 'sagas'>): Connection {
  const common = {
    url: dtm.url,
    timeoutMs: dtm.timeoutMs,
    // Shorter intervals than DTM's own are an explicit choice of whoever configures them.
    ...(sagas.retryIntervalS === undefined ? {} : { minRetryIntervalS: 1 }),
  };
  if (branches.transport === 'http') return DtmClient.overHttp(common);
  const { grpcAddress = '' } = dtm; // the configuration requires it
  const client = DtmClient.overGrpc({ ...common, grpcAddress });
  return {
    // Steps are built for the same transport: their payloads are bytes.
    submit: (saga, options) => client.submit(saga as Saga<Uint8Array>, options),
    seal: (saga) => client.seal(saga as Saga<Uint8Array>),
    query: (gid) => client.query(gid),
    close: () => client.close(),
  };
}
