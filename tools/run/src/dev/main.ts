import { parseArgs } from 'node:util';
import { runCommand } from '../cli/run-command';
import type { CommandContext } from '../cli/run-command';
import { labelled, standardScreen } from '../cli/screen';
import { UserError } from '../cli/user-error';
import { liveEndpoints, removeEndpoints, writeEndpoints } from '../platform/endpoints';
import { ENDPOINTS_FILE, REPOSITORY } from '../platform/layout';
import { startPlatform } from '../platform/start-platform';
import { detach } from './detach';
import { rebuildOnChange } from './rebuild-on-change';
import { describeEndpoints } from './describe-endpoints';
import { sourceState } from './source-state';

const USAGE = 'usage: npm run dev -- [--detach] [--auth none|jwt]';

void runCommand(
  async (context) => {
    const { detached, auth } = readArguments(context.args);
    if (liveEndpoints(ENDPOINTS_FILE)) {
      throw new UserError(
        'An environment of this clone is up already (.run/endpoints.json). End it with: npm run stop',
      );
    }
    if (detached) return detach(['--auth', auth], context.signal);
    return stayUp(auth, context);
  },
  { endsBySignal: true },
);

function readArguments(args: readonly string[]): { detached: boolean; auth: 'none' | 'jwt' } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { detach: { type: 'boolean', default: false }, auth: { type: 'string', default: 'none' } },
    });
    if (values.auth === 'none' || values.auth === 'jwt') return { detached: values.detach, auth: values.auth };
  } catch {
    // An unknown option gets the same answer as a wrong value.
  }
  throw new UserError(USAGE);
}

async function stayUp(auth: 'none' | 'jwt', { signal, defer }: CommandContext): Promise<number> {
  const screen = standardScreen();
  const builtFrom = sourceState(REPOSITORY);
  let publish = (): void => undefined; // nothing to tell before everything is up
  const platform = await startPlatform({
    purpose: 'dev',
    auth,
    defaultPorts: true,
    respawn: true,
    logLevel: 'info',
    onRespawned: () => publish(),
    log: screen.line,
    signal,
  });
  defer(() => platform.stop());
  defer(() => removeEndpoints(ENDPOINTS_FILE));
  publish = () => writeEndpoints(ENDPOINTS_FILE, platform.endpoints({ owner: process.pid }));
  publish();
  for (const line of describeEndpoints(platform.endpoints({}))) screen.line(line);
  screen.line(labelled('logs', platform.logs));
  screen.line('Rebuilds on change; Ctrl-C or npm run stop ends it.');
  await rebuildOnChange({ platform, builtFrom, log: screen.line, signal, onRestart: publish });
  return 0;
}
