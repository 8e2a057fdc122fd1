import { DtmClient as DtmStub, DtmRequest } from '@coupon/contracts';
import { Metadata, credentials, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import type { DtmAnswer, DtmTransport } from './dtm-transport';
import { DtmUnavailableError } from './errors';
import { HttpApi } from './http-api';
import type { HttpApiOptions } from './http-api';
import { isHttpAddress } from './http-transport';
import type { EncodedSaga } from './validate-saga';

export interface GrpcTransportOptions extends HttpApiOptions {
  /** `host:port` of the gRPC API. `url` is needed as well: DTM's gRPC API has no query. */
  readonly grpcAddress: string;
}

/** The server's own statuses for "not accepted": ABORTED and FAILED_PRECONDITION by name, UNKNOWN and INTERNAL for what went wrong in it. */
const ANSWERS: ReadonlySet<status> = new Set([
  status.ABORTED,
  status.FAILED_PRECONDITION,
  status.UNKNOWN,
  status.INTERNAL,
]);

/** Sagas with branches over gRPC: payloads are serialized messages, addresses are `host:port/package.Service/Method`. */
export class GrpcTransport implements DtmTransport<Buffer> {
  readonly #api: HttpApi;
  readonly #stub: DtmStub;
  readonly #timeoutMs: number;
  readonly query: DtmTransport<Buffer>['query'];

  constructor(options: GrpcTransportOptions) {
    this.#api = new HttpApi(options);
    this.#timeoutMs = options.timeoutMs ?? 8000;
    // A channel of its own: closing this client must not depend on, or disturb, another one to the same address.
    this.#stub = new DtmStub(options.grpcAddress, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      // A restarted server is found again within a second, not within grpc-js' two minutes.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
    });
    this.query = (gid) => this.#api.query(gid);
  }

  submit(saga: EncodedSaga<Buffer>): Promise<DtmAnswer> {
    return this.#send('submit', saga);
  }

  prepare(saga: EncodedSaga<Buffer>): Promise<DtmAnswer> {
    return this.#send('prepare', saga);
  }

  close(): void {
    this.#api.close();
    this.#stub.close();
  }

  #send(method: 'submit' | 'prepare', saga: EncodedSaga<Buffer>): Promise<DtmAnswer> {
    const request = toRequest(saga);
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null): void => {
        if (error === null) resolve({ accepted: true, message: '' });
        else if (ANSWERS.has(error.code)) resolve({ accepted: false, message: error.details });
        else reject(new DtmUnavailableError(`DTM does not answer: ${error.message}`, { cause: error }));
      };
      const options = { deadline: new Date(Date.now() + this.#timeoutMs) };
      if (method === 'submit') this.#stub.submit(request, new Metadata(), options, done);
      else this.#stub.prepare(request, new Metadata(), options, done);
    });
  }
}

/** DTM splits at the first slash and refuses addresses with a scheme; http(s) steps it calls over HTTP. */
export function isGrpcAddress(address: string): boolean {
  return /^[A-Za-z0-9.:[\]_-]+:\d{1,5}\/[A-Za-z0-9_.]+\/[A-Za-z0-9_]+$/.test(address) || isHttpAddress(address);
}

function toRequest({ gid, steps, payloads, customData, options }: EncodedSaga<Buffer>): DtmRequest {
  const seconds = (value: number | undefined): string => String(value ?? 0); // zero is the default in this protocol
  return DtmRequest.fromPartial({
    Gid: gid,
    TransType: 'saga',
    TransOptions: {
      WaitResult: options.waitResult ?? false,
      TimeoutToFail: seconds(options.timeoutToFailS),
      RetryInterval: seconds(options.retryIntervalS),
      BranchHeaders: { ...options.branchHeaders },
      RequestTimeout: seconds(options.requestTimeoutS),
    },
    CustomedData: customData,
    BinPayloads: [...payloads],
    Steps: JSON.stringify(steps),
  });
}
