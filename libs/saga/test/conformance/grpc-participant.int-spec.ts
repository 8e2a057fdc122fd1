import { DtmClient, DtmRequest } from '@coupon/contracts';
import { credentials } from '@grpc/grpc-js';
import { startGrpcParticipant } from '../support/participants';
import { describeSagaParticipant } from './describe-saga-participant';

describeSagaParticipant({
  name: 'grpc',
  start: startGrpcParticipant,
  submitCarelessly: async (dtm, participant, gid, count) => {
    const { steps } = participant.saga(gid, count);
    const stub = new DtmClient(dtm.grpcAddress, credentials.createInsecure());
    const request = DtmRequest.fromPartial({
      Gid: gid,
      TransType: 'saga',
      Steps: JSON.stringify(steps.map(({ action, compensate }) => ({ action, compensate }))),
      BinPayloads: steps.map(({ payload }) => Buffer.from(payload)),
      TransOptions: { RetryInterval: '10' },
    });
    await new Promise<void>((resolve) => stub.submit(request, () => resolve()));
    stub.close();
  },
});
