import { createLogger, runService } from '@coupon/service-kit';
import { loadGatewayConfig, processEnvironment } from './config';
import { createGateway } from './create-gateway';

void runService(() => {
  const config = loadGatewayConfig(processEnvironment());
  const logger = createLogger({ name: 'seckill-gateway', level: config.logLevel });
  return createGateway(config, logger).lifecycle;
});
