import { writeFileSync } from 'node:fs';
import {
  ENDPOINTS_FILE,
  UserError,
  labelled,
  liveEndpoints,
  removeEndpoints,
  runCommand,
  standardScreen,
  startPlatform,
  writeEndpoints,
} from '@coupon/platform';
import type { Platform, Screen } from '@coupon/platform';
import { parseDemoOptions } from './options';
import { SHOP_SETTINGS } from './redemption/run-redemption';
import { renderReport } from './report/render-report';
import { runDemo } from './run-demo';

void runCommand(async ({ args, signal, defer }) => {
  const startedMs = performance.now();
  const options = parseDemoOptions(args, process.env['INIT_CWD'] ?? process.cwd());
  const somethingElseIsUp = liveEndpoints(ENDPOINTS_FILE) !== undefined;
  if (options.keep && somethingElseIsUp) {
    throw new UserError('An environment of this clone is up already (.run/endpoints.json). End it with: npm run stop');
  }
  const screen = standardScreen();
  let kept = false;
  const platform = await startPlatform({
    purpose: 'demo',
    counts: {
      'coupon-admin': 1,
      'seckill-gateway': 2,
      'seckill-worker': 1,
      'saga-participant': options.checkouts > 0 ? 1 : 0,
    },
    appEnv: { 'saga-participant': SHOP_SETTINGS },
    auth: options.auth,
    defaultPorts: options.keep,
    log: screen.line,
    signal,
  });
  defer(() => (kept ? undefined : platform.stop()));
  // Whatever else is up keeps its file; this run then has none.
  if (!somethingElseIsUp) {
    writeEndpoints(ENDPOINTS_FILE, platform.endpoints({ owner: process.pid }));
    defer(() => (kept ? undefined : removeEndpoints(ENDPOINTS_FILE)));
  }
  const report = await runDemo({ platform, options, screen, signal, startedMs });
  if (options.reportFile !== undefined) writeFileSync(options.reportFile, `${JSON.stringify(report, null, 2)}\n`);
  screen.line('');
  for (const line of renderReport(report)) screen.line(line);
  if (options.keep) {
    await keepRunning(platform, screen);
    kept = true;
  }
  return report.ok ? 0 : 1;
});

async function keepRunning(platform: Platform, screen: Screen): Promise<void> {
  const endpoints = platform.endpoints(await platform.detach());
  writeEndpoints(ENDPOINTS_FILE, endpoints);
  screen.line('');
  screen.line(
    labelled(
      'gateways',
      platform
        .all('seckill-gateway')
        .map(({ httpUrl }) => httpUrl)
        .join('   '),
    ),
  );
  screen.line(labelled('admin', endpoints.admin_http));
  if (endpoints.saga_http !== '') screen.line(labelled('saga', endpoints.saga_http));
  screen.line(labelled('details', `${ENDPOINTS_FILE}; npm run stop ends it all`));
}
