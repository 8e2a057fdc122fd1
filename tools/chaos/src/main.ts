import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { runCommand, standardScreen } from '@coupon/platform';
import { parseChaosOptions } from './options';
import { sagaChaos } from './sagas/saga-chaos';

void runCommand(async ({ args, signal, defer }) => {
  const options = parseChaosOptions(args, ['sagas']);
  const report = await sagaChaos(options, { screen: standardScreen(), signal, defer });
  if (options.reportFile !== undefined) {
    const file = resolve(process.env['INIT_CWD'] ?? process.cwd(), options.reportFile);
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  }
  return report.failed === 0 ? 0 : 1;
});
