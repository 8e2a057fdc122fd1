import type { DtmAnswer, DtmTransport } from './dtm-transport';
import { HttpApi, messageOf } from './http-api';
import type { HttpApiOptions } from './http-api';
import type { EncodedSaga } from './validate-saga';

/** Sagas with branches over HTTP: payloads are JSON, addresses are http(s) URLs. */
export class HttpTransport implements DtmTransport<string> {
  readonly #api: HttpApi;
  readonly query: DtmTransport<string>['query'];

  constructor(options: HttpApiOptions) {
    this.#api = new HttpApi(options);
    this.query = (gid) => this.#api.query(gid);
  }

  submit(saga: EncodedSaga<string>): Promise<DtmAnswer> {
    return this.#send('/submit', saga);
  }

  prepare(saga: EncodedSaga<string>): Promise<DtmAnswer> {
    return this.#send('/prepare', saga);
  }

  close(): void {
    this.#api.close();
  }

  async #send(path: string, saga: EncodedSaga<string>): Promise<DtmAnswer> {
    const { status, body } = await this.#api.post(path, toBody(saga));
    return { accepted: status === 200, message: messageOf(body) };
  }
}

export function isHttpAddress(address: string): boolean {
  return /^https?:\/\/[^\s]+$/.test(address) && URL.canParse(address);
}

/** The body of /submit (client/dtmcli/dtmimp/trans_base.go of v1.19.0). Absent options are left out: zero is not always the default. */
function toBody({ gid, steps, payloads, customData, options }: EncodedSaga<string>): object {
  return {
    gid,
    trans_type: 'saga',
    steps,
    payloads,
    ...(customData === '' ? {} : { custom_data: customData }),
    wait_result: options.waitResult ?? false,
    ...(options.retryIntervalS === undefined ? {} : { retry_interval: options.retryIntervalS }),
    ...(options.timeoutToFailS === undefined ? {} : { timeout_to_fail: options.timeoutToFailS }),
    ...(options.requestTimeoutS === undefined ? {} : { request_timeout: options.requestTimeoutS }),
    ...(options.branchHeaders === undefined ? {} : { branch_headers: options.branchHeaders }),
  };
}
