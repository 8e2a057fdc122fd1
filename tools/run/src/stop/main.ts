import { runCommand } from '../cli/run-command';
import { ENDPOINTS_FILE } from '../platform/layout';
import { stopEnvironment } from './stop-environment';

void runCommand(async () => {
  const stopped = await stopEnvironment(ENDPOINTS_FILE);
  process.stdout.write(stopped ? 'stopped\n' : 'nothing is running\n');
  return 0;
});
