import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError, runCommand, standardScreen } from '@coupon/platform';
import { cacheBench } from './cache/cache-bench';
import { discountBench } from './discount/discount-bench';
import { gatewayBench } from './gateway/gateway-bench';
import { grpcBench } from './grpc/grpc-bench';
import { parseBenchOptions } from './options';
import { sagaBench } from './saga/saga-bench';
import { workerBench } from './worker/worker-bench';
import type { Bench } from './bench';

/** One module per subject; `npm run bench -- <name>`. */
const BENCHES: Readonly<Record<string, Bench>> = {
  cache: cacheBench,
  discount: discountBench,
  gateway: gatewayBench,
  grpc: grpcBench,
  saga: sagaBench,
  worker: workerBench,
};

void runCommand(async ({ args, signal, defer }) => {
  const options = parseBenchOptions(args, Object.keys(BENCHES));
  const bench = BENCHES[options.name];
  if (bench === undefined) throw new UserError(`There is no benchmark ${options.name}.`);
  const screen = standardScreen();
  const report = await bench({ ...options, screen, signal, defer });
  if (options.reportFile !== undefined) {
    const file = resolve(process.env['INIT_CWD'] ?? process.cwd(), options.reportFile);
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  }
  return 0;
});
