import { runMigrateProcess } from '@coupon/persistence';
import { createLogger, runService } from '@coupon/service-kit';
import { loadSagaConfig, processEnvironment } from './config';
import { EMBEDDED_MIGRATIONS } from './migrations/generated/migrations';
import { createSagaParticipant } from './saga-participant';

const [command, ...args] = process.argv.slice(2);

if (command === 'migrate') {
  // `node main.cjs migrate`: the bundle carries the migrations of the database `shop`; those of `coupon` belong to coupon-admin.
  void runMigrateProcess({
    args,
    url: processEnvironment()['SHOP_MYSQL_URL'],
    variable: 'SHOP_MYSQL_URL',
    embedded: EMBEDDED_MIGRATIONS,
  });
} else {
  void runService(() => {
    const config = loadSagaConfig(processEnvironment());
    const logger = createLogger({ name: 'saga-participant', level: config.logLevel });
    return createSagaParticipant(config, logger).lifecycle;
  });
}
