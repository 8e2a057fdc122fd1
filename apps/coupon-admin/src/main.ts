import { runMigrateProcess } from '@coupon/persistence';
import { createLogger, runService } from '@coupon/service-kit';
import { loadAdminConfig, processEnvironment } from './config';
import { createAdmin } from './create-admin';

const [command, ...args] = process.argv.slice(2);

if (command === 'migrate') {
  // `node main.cjs migrate`: the bundle carries the migrations of the database it works on.
  void runMigrateProcess({
    args,
    url: processEnvironment()['MYSQL_URL'],
  });
} else {
  void runService(() => {
    const config = loadAdminConfig(processEnvironment());
    const logger = createLogger({ name: 'coupon-admin', level: config.logLevel });
    return createAdmin(config, logger).lifecycle;
  });
}
