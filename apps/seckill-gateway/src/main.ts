import {
  ProcessGroup,
  createLifecycle,
  createLogger,
  isFirstProcess,
  runService,
  systemClock,
} from '@coupon/service-kit';
import { loadGatewayConfig, processEnvironment } from './config';
import { createGateway } from './create-gateway';

/** Time that is left to the processes after their own deadline, before they are killed. */
const GRACE_MS = 2_000;

void runService(() => {
  const config = loadGatewayConfig(processEnvironment());
  const logger = createLogger({ name: 'seckill-gateway', level: config.logLevel });
  if (config.processes === 1 || !isFirstProcess()) return createGateway(config, logger).lifecycle;
  const lifecycle = createLifecycle({
    logger,
    deadlineMs: config.shutdownDeadlineMs + GRACE_MS,
    clock: systemClock,
  });
  lifecycle.register(new ProcessGroup({ size: config.processes, logger }));
  return lifecycle;
});
