import { createLogger, runService } from '@coupon/service-kit';
import { loadWorkerConfig, processEnvironment } from './config';
import { createWorker } from './create-worker';
import { runDeadLetterCommand } from './dead-letter-command';

const [command, ...rest] = process.argv.slice(2);

if (command === 'dlq') {
  void runDeadLetterCommand(rest, processEnvironment(), process);
} else {
  void runService(() => {
    const config = loadWorkerConfig(processEnvironment());
    const logger = createLogger({ name: 'seckill-worker', level: config.logLevel });
    return createWorker(config, logger).lifecycle;
  });
}
