import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { runCommand, standardScreen } from '@coupon/platform';
import { cacheChaos } from './caches/cache-chaos';
import { parseChaosOptions } from './options';
import { sagaChaos } from './sagas/saga-chaos';

void runCommand(async ({ args, signal, defer }) => {
  const options = parseChaosOptions(args, ['sagas', 'caches']);
  const context = { screen: standardScreen(), signal, defer };
  const report = await (options.name === 'caches' ? cacheChaos(options, context) : sagaChaos(options, context));
  if (options.reportFile !== undefined) {
    const file = resolve(process.env['INIT_CWD'] ?? process.cwd(), options.reportFile);
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  }
  return report.failed === 0 ? 0 : 1;
});
