import { createLogger, runService, systemClock } from '@coupon/service-kit';
import { readConfig } from './config';
import { createSagaParticipant } from './saga-participant';

void runService(() => {
  const config = readConfig();
  const logger = createLogger({ name: 'saga-participant', level: config.logLevel });
  return createSagaParticipant({ config, logger, clock: systemClock }).lifecycle;
});
