import { startHttpParticipant } from '../support/participants';
import { describeSagaParticipant } from './describe-saga-participant';

describeSagaParticipant({
  name: 'http',
  start: startHttpParticipant,
  submitCarelessly: async (dtm, participant, gid, count) => {
    const { steps } = participant.saga(gid, count);
    const body = {
      gid,
      trans_type: 'saga',
      steps: steps.map(({ action, compensate }) => ({ action, compensate })),
      payloads: steps.map(({ payload }) => JSON.stringify(payload)),
      retry_interval: 10,
    };
    const answer = await fetch(`${dtm.url}/api/dtmsvr/submit`, { method: 'POST', body: JSON.stringify(body) });
    await answer.text();
  },
});
