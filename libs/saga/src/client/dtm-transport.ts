import type { SagaState } from './saga';
import type { EncodedSaga } from './validate-saga';

/** The server's word on a submit or prepare; what it means, only a query tells. */
export interface DtmAnswer {
  readonly accepted: boolean;
  readonly message: string;
}

/** One protocol of DTM. Every method rejects when the server does not answer in time or answers something else than DTM does. */
export interface DtmTransport<Encoded> {
  submit(saga: EncodedSaga<Encoded>): Promise<DtmAnswer>;
  prepare(saga: EncodedSaga<Encoded>): Promise<DtmAnswer>;
  query(gid: string): Promise<SagaState>;
  close(): void;
}
