import { setTimeout as pause } from 'node:timers/promises';
import { BranchCaller } from './branch-caller';
import type { DtmTransport } from './dtm-transport';
import { InvalidSagaError, SagaOutcomeUnknownError } from './errors';
import { GrpcTransport, isGrpcAddress } from './grpc-transport';
import type { GrpcTransportOptions } from './grpc-transport';
import type { HttpApiOptions } from './http-api';
import { HttpTransport, isHttpAddress } from './http-transport';
import { isFinal } from './saga';
import type { KnownSagaState, Saga, SagaState } from './saga';
import { SAFE_RETRY_INTERVAL_S, encodeSaga } from './validate-saga';
import type { EncodedSaga, SagaRules } from './validate-saga';
import { GID_PATTERN } from '../branch/branch-identity';

export interface DtmClientOptions {
  /** Smallest retry interval a saga may ask for. @default 7; tests take 1 and get overlapping passes with it */
  readonly minRetryIntervalS?: number;
  /** For one call of a branch by `seal`. @default 3000, as DTM waits */
  readonly branchTimeoutMs?: number;
}

export interface SubmitOptions {
  /** The caller knows that this gid was never submitted, by anybody, and saves a query. @default false */
  readonly isNew?: boolean;
}

export interface WaitOptions {
  readonly timeoutMs: number;
  /** @default 50 */
  readonly pollMs?: number;
}

type Method = 'submit' | 'prepare';

/**
 * Submits sagas to DTM so that repeating a submit is safe, and asks what became of them.
 *
 * DTM's answer to a submit decides nothing here. A 200 is also given when nothing was stored, a 409 while the saga runs on, and a gid that is
 * submitted while it runs is run twice. So a submit asks first, sends only what DTM does not know, and asks again.
 */
export class DtmClient<Payload> {
  readonly #transport: DtmTransport<unknown>;
  readonly #encode: (saga: Saga<Payload>) => EncodedSaga<unknown>;
  readonly #branches: BranchCaller;
  readonly #underWay = new Map<string, { readonly method: Method; readonly state: Promise<KnownSagaState> }>();

  private constructor(
    transport: DtmTransport<unknown>,
    encode: (saga: Saga<Payload>) => EncodedSaga<unknown>,
    { branchTimeoutMs }: DtmClientOptions,
  ) {
    this.#transport = transport;
    this.#encode = encode;
    this.#branches = new BranchCaller(branchTimeoutMs === undefined ? {} : { timeoutMs: branchTimeoutMs });
  }

  /** Branches over HTTP: any JSON value as payload, http(s) URLs as addresses. */
  static overHttp(options: HttpApiOptions & DtmClientOptions): DtmClient<unknown> {
    const rules: SagaRules<unknown, string> = {
      // undefined, functions and symbols give undefined; a cycle or a BigInt throws.
      encode: (payload) => JSON.stringify(payload),
      byteLength: (text) => Buffer.byteLength(text),
      isAddress: isHttpAddress,
      minRetryIntervalS: options.minRetryIntervalS ?? SAFE_RETRY_INTERVAL_S,
    };
    return DtmClient.#of(new HttpTransport(options), rules, options);
  }

  /** Branches over gRPC: serialized messages as payloads, `host:port/package.Service/Method` as addresses. */
  static overGrpc(options: GrpcTransportOptions & DtmClientOptions): DtmClient<Uint8Array> {
    const rules: SagaRules<Uint8Array, Buffer> = {
      encode: (payload) => Buffer.from(payload),
      byteLength: (bytes) => bytes.length,
      isAddress: isGrpcAddress,
      minRetryIntervalS: options.minRetryIntervalS ?? SAFE_RETRY_INTERVAL_S,
    };
    return DtmClient.#of(new GrpcTransport(options), rules, options);
  }

  static #of<Payload, Encoded>(
    transport: DtmTransport<Encoded>,
    rules: SagaRules<Payload, Encoded>,
    options: DtmClientOptions,
  ): DtmClient<Payload> {
    return new DtmClient(transport, (saga) => encodeSaga(saga, rules), options);
  }

  /**
   * Starts the saga unless DTM knows it already, and returns its state as DTM has it then, also for a repeated submit: `succeeded` and
   * `failed` are final, `running` and `rolling-back` will become so.
   * Calls for one gid in this process at the same time are one call. Between processes there must be one submitter per gid at a time.
   *
   * @throws InvalidSagaError before anything is sent
   * @throws DtmUnavailableError nothing was sent
   * @throws SagaOutcomeUnknownError something was sent and cannot be confirmed: submit the same gid again later
   */
  submit(saga: Saga<Payload>, options: SubmitOptions = {}): Promise<KnownSagaState> {
    return this.#once('submit', saga, () => this.#submit(saga, options));
  }

  /**
   * Stores the saga without starting it; a later submit starts it. What is prepared and never submitted stays so.
   * @throws as `submit`
   */
  prepare(saga: Saga<Payload>): Promise<KnownSagaState> {
    return this.#once('prepare', saga, async () => {
      const encoded = this.#encode(saga);
      const before = await this.#transport.query(saga.gid);
      return before.kind === 'unknown' ? this.#sendAndAsk('prepare', encoded) : before;
    });
  }

  /** @throws DtmUnavailableError; InvalidSagaError for what is no gid */
  query(gid: string): Promise<SagaState> {
    if (!GID_PATTERN.test(gid))
      throw new InvalidSagaError('gid', 'must have 1 to 128 letters, digits, underscores and hyphens');
    return this.#transport.query(gid);
  }

  /**
   * Asks until the saga has ended or the time is over; returns the last state then. A saga that is not final is pending, never failed.
   * @throws DtmUnavailableError when the last question was not answered either
   */
  async waitForEnd(gid: string, { timeoutMs, pollMs = 50 }: WaitOptions): Promise<SagaState> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const isLast = performance.now() >= deadline;
      try {
        const state = await this.query(gid);
        if (isLast || isFinal(state)) return state;
      } catch (error) {
        if (isLast || error instanceof InvalidSagaError) throw error;
      }
      await pause(pollMs);
    }
  }

  /**
   * For a saga that has failed: calls every compensation once more, the last first, as DTM does. A pass of DTM that runs on after the rollback of
   * another may have done steps that DTM will never undo, and may still do some; after this they are undone, and what comes later is refused by the
   * barrier. What was undone before is a duplicate to the branches.
   *
   * @throws InvalidSagaError before anything is sent
   * @throws BranchCallError when a compensation does not answer with success: seal again later
   */
  async seal(saga: Saga<Payload>): Promise<void> {
    const { gid, steps, payloads, options } = this.#encode(saga);
    for (const [index, { compensate }] of [...steps.entries()].reverse()) {
      if (compensate === '') continue;
      const branchId = String(index + 1).padStart(2, '0');
      await this.#branches.call({
        address: compensate,
        branch: { gid, transType: 'saga', branchId, op: 'compensate' },
        payload: payloads[index] as string | Buffer,
        headers: options.branchHeaders ?? {},
      });
    }
  }

  /** Closes idle connections; calls under way may fail. */
  close(): void {
    this.#transport.close();
    this.#branches.close();
  }

  async #submit(saga: Saga<Payload>, { isNew = false }: SubmitOptions): Promise<KnownSagaState> {
    const encoded = this.#encode(saga);
    if (!isNew) {
      const before = await this.#transport.query(saga.gid);
      if (before.kind !== 'unknown' && before.kind !== 'prepared') return before;
    }
    return this.#sendAndAsk('submit', encoded);
  }

  async #sendAndAsk(method: Method, saga: EncodedSaga<unknown>): Promise<KnownSagaState> {
    let said = '';
    try {
      const answer = await this.#transport[method](saga);
      said = answer.accepted ? 'DTM accepted it' : `DTM said: ${answer.message}`;
    } catch (error) {
      said = error instanceof Error ? error.message : String(error);
    }
    let after: SagaState;
    try {
      after = await this.#transport.query(saga.gid);
    } catch (cause) {
      throw new SagaOutcomeUnknownError(saga.gid, `sent, and nobody can say what became of it (${said})`, { cause });
    }
    if (after.kind === 'unknown') throw new SagaOutcomeUnknownError(saga.gid, `sent, but not stored (${said})`);
    if (after.kind === 'prepared' && method === 'submit') {
      throw new SagaOutcomeUnknownError(saga.gid, `sent, but not started (${said})`);
    }
    return after;
  }

  async #once(method: Method, saga: Saga<Payload>, work: () => Promise<KnownSagaState>): Promise<KnownSagaState> {
    for (let known = this.#underWay.get(saga.gid); known !== undefined; known = this.#underWay.get(saga.gid)) {
      if (known.method === method) return known.state;
      await known.state.catch(() => undefined); // its own caller hears of it
    }
    const state = work().finally(() => this.#underWay.delete(saga.gid));
    this.#underWay.set(saga.gid, { method, state });
    return state;
  }
}
